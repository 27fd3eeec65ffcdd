"""Loss, gradient and guided sampling on transformers against explicit joint attention in float64.

Another file of the same form is read when SPATIALBENCH_MMDIT_EXPECTED names one.

The time embedding is computed in float32, and processors round its frequencies differently in the
last bit; times 950 that is 6e-5 of a radian. The weights of the SD3 file make logits sharp enough
to turn it into 1e-5 of the loss, 1e-4 of the gradient and, over a loop with guidance 7, 1e-3 of the
latents. (With frequencies rounded correctly FLUX agrees to 1e-8, loops included.)
"""

from __future__ import annotations

import importlib.util
import json
import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from spatialbench.backbones.families import FLUX, SD3
from spatialbench.methods.infsplign.guide import GuidedStep
from spatialbench.methods.infsplign.joint_denoiser import guided_transformer
from spatialbench.methods.infsplign.settings import GuidanceSettings, read_settings
from spatialbench.prompts import Prompt, Triplet
from spatialbench.relations import Relation
from tests.reference_data import reference
from tests.tiny_models import t5_tokenizer

CLIP_ROWS = 77
LOSS, GRADIENT = 1e-5, 1e-4
SHARP = 3
"""How many times as far off the SD3 file may be (see above)."""


class Case:
    """One file of expected numbers and the pipeline it speaks of."""

    def __init__(self, file: Path, clip_tokenizer: Any) -> None:
        import diffusers

        self.expected: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        self.flux = self.expected["kind"] == "flux"
        self.slack = 1 if self.flux else SHARP
        name = "FluxTransformer2DModel" if self.flux else "SD3Transformer2DModel"
        transformer = getattr(diffusers, name)(**self.expected["transformer"])
        fill = _fill()
        transformer.load_state_dict(fill(transformer.state_dict(), **self.expected["fill"]))
        transformer = transformer.double().eval().requires_grad_(False)
        scheduler = diffusers.FlowMatchEulerDiscreteScheduler(shift=self.expected["loop"]["shift"])
        third = t5_tokenizer()
        texts: dict[str, Any] = {"text_encoder": None, "text_encoder_2": None, "vae": None}
        if self.flux:
            tokenizers = {"tokenizer": clip_tokenizer, "tokenizer_2": third}
            kind = diffusers.FluxPipeline
        else:
            tokenizers = {"tokenizer": clip_tokenizer, "tokenizer_2": clip_tokenizer}
            texts |= {"text_encoder_3": None, "tokenizer_3": third}
            kind = diffusers.StableDiffusion3Pipeline
        self.pipe = kind(transformer=transformer, scheduler=scheduler, **texts, **tokenizers)
        self.pipe.set_progress_bar_config(disable=True)
        self.prompts = [
            Prompt(str(i), p["text"], p["relation"], _triplet(p))
            for i, p in enumerate(self.expected["prompts"])
        ]
        self.texts = [prompt.text for prompt in self.prompts]
        self.shape = tuple(self.expected["latent_shape"])

    def embeddings(self, texts: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
        rows = self.expected["t5_length"] + (0 if self.flux else CLIP_ROWS)
        width = self.expected["transformer"]["joint_attention_dim"]
        pairs = []
        for text in texts:
            rng = np.random.default_rng(zlib.crc32(f"embeds:{text}".encode()))
            tokens = rng.standard_normal((rows, width))
            pairs.append((tokens, rng.standard_normal(self.expected["pooled_width"])))
        stacked = [torch.from_numpy(np.stack(part)) for part in zip(*pairs, strict=True)]
        return stacked[0], stacked[1]

    def noise(self) -> torch.Tensor:
        """(prompts, ...), as the pipeline samples them."""
        seeds = [zlib.crc32(f"noise:{text}".encode()) for text in self.texts]
        rows = [np.random.default_rng(seed).standard_normal(self.shape) for seed in seeds]
        latents = torch.from_numpy(np.stack(rows))
        if self.flux:
            latents = self.pipe._pack_latents(latents, len(rows), *self.shape)
        return latents

    def unpacked(self, latents: torch.Tensor) -> torch.Tensor:
        if not self.flux:
            return latents
        factor = self.pipe.vae_scale_factor
        height, width = (side * factor for side in self.shape[1:])
        flat: torch.Tensor = self.pipe._unpack_latents(latents, height, width, factor)
        return flat

    def settings(self, options: dict[str, Any], **more: Any) -> GuidanceSettings:
        spatial, presence, balance = options["lambdas"]
        given = {
            "loss": options["loss"],
            "alpha": options["alpha"],
            "margin": options["margin"],
            "lambda_spatial": spatial,
            "lambda_presence": presence,
            "lambda_balance": balance,
            "blocks": ",".join(map(str, options["taps"])),
            "tokens": options["tokens"],
            "softmax": options["softmax"],
            "aggregate": options["aggregate"],
            "grid": options["grid"],
            "threshold": "soft" if options["soft_threshold"] else "none",
            **more,
        }
        steps = more.pop("steps", self.expected["loop"]["steps"])
        given.pop("steps", None)
        family = FLUX if self.flux else SD3
        return read_settings(given, "", steps, family=family)

    def evaluated(self, settings: GuidanceSettings, level: float) -> GuidedStep:
        """What one guided evaluation of the bare transformer sees at a noise level."""
        seen: list[GuidedStep] = []
        tokens, pooled = self.embeddings(self.texts)
        latents = self.noise()
        more: dict[str, Any] = {"timestep": torch.full((len(latents),), 1000 * level).double()}
        if self.flux:
            sides = [side // 2 for side in self.shape[1:]]
            ids = self.pipe._prepare_latent_image_ids(1, *sides, "cpu", torch.float64)
            more = {
                "timestep": more["timestep"] / 1000,
                "guidance": torch.full((len(latents),), 3.5).double(),
                "img_ids": ids,
                "txt_ids": torch.zeros(tokens.shape[1], 3).double(),
            }
        self.pipe.scheduler.set_timesteps(1)
        guide = guided_transformer(self.pipe, self.prompts, settings, steps=1, observer=seen.append)
        with guide:
            self.pipe.transformer(
                hidden_states=latents,
                encoder_hidden_states=tokens,
                pooled_projections=pooled,
                return_dict=False,
                **more,
            )
        (step,) = seen
        return step


def _triplet(prompt: dict[str, Any]) -> Triplet:
    return Triplet(prompt["a"], Relation(prompt["relation"]), prompt["b"])


def _fill() -> Any:
    spec = importlib.util.spec_from_file_location("fill", reference("fill.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.fill


def _files() -> list[str]:
    other = os.environ.get("SPATIALBENCH_MMDIT_EXPECTED")
    return ["parity_sd3.json", "parity_flux.json", *([other] if other else [])]


@pytest.fixture(scope="module", params=_files())
def case(request: Any, clip_tokenizer: Any) -> Case:
    name = request.param
    return Case(reference("mmdit") / name, clip_tokenizer)


def off(found: torch.Tensor, wanted: Any, norms: torch.Tensor) -> float:
    """The largest difference of a part of each sample, as a share of the whole sample's norm."""
    wanted = torch.tensor(wanted, dtype=torch.float64).flatten(1)
    return float(((found.flatten(1) - wanted).abs() / norms.unsqueeze(1)).max())


def relative(found: torch.Tensor, wanted: torch.Tensor) -> float:
    return float(((found - wanted).norm() / wanted.norm()).detach())


def test_tokens_are_found_where_they_stand(case: Case) -> None:
    from spatialbench.guidance.joint_tokens import joint_object_tokens

    for prompt, wanted in zip(case.prompts, case.expected["prompts"], strict=True):
        kinds = ("t5",) if case.flux else ("clip", "t5")
        for kind in kinds:
            (found,) = joint_object_tokens(case.pipe, prompt, kind, case.expected["t5_length"])
            assert [list(rows) for rows in found] == wanted["positions"][kind]


def test_losses_and_gradients_of_every_option(case: Case) -> None:
    check = case.expected["check"]
    tokens, _ = case.embeddings(case.texts[:1])
    assert tokens[0, 3, :4].tolist() == pytest.approx(check["ctx_row3_first4"], rel=1e-12)
    projection = torch.from_numpy(np.random.default_rng(7).standard_normal(case.shape))
    for number, entry in enumerate(case.expected["cases"]):
        settings = case.settings(entry["options"], start="0", end="1", steps=1)
        for wanted in entry["steps"]:
            step = case.evaluated(settings, wanted["sigma"])
            where = f"{entry['name']} at {wanted['sigma']}"
            loss = torch.tensor(wanted["loss"], dtype=torch.float64)
            assert relative(step.prediction.loss, loss) < case.slack * LOSS, where
            gradient = case.unpacked(step.prediction.gradient)
            norms = torch.tensor(wanted["grad_norm"], dtype=torch.float64)
            limit = case.slack * GRADIENT
            assert relative(gradient.flatten(1).norm(dim=1), norms) < limit, where
            assert off(gradient.flatten(1)[:, :8], wanted["grad_first8"], norms) < limit, where
            assert off(gradient.sum((-1, -2)), wanted["grad_channel_sum"], norms) < 16 * limit, (
                where
            )
            dots = [[d / float(projection.norm())] for d in wanted["grad_dot_projection"]]
            projected = (gradient * projection).flatten(1).sum(1, keepdim=True)
            assert off(projected / projection.norm(), dots, norms) < limit, where
            if not number and wanted is entry["steps"][0]:
                velocity = step.prediction.output.flatten(1).norm(dim=1)
                first_norms = torch.tensor(check["velocity_norm_first_sigma"])
                assert relative(velocity, first_norms.double()) < 1e-5


def test_guided_sampling(case: Case) -> None:
    loop = case.expected["loop"]
    options = next(e["options"] for e in case.expected["cases"] if e["name"] == loop["case"])
    weight, guided = loop["weight"], str(loop["guided"])
    settings = case.settings(options, weight=weight, start="0", end=guided)
    tokens, pooled = case.embeddings(case.texts)
    call: dict[str, Any] = {"prompt_embeds": tokens, "pooled_prompt_embeds": pooled}
    if case.flux:
        call["guidance_scale"] = 3.5
    else:
        negative, negative_pooled = case.embeddings([""] * len(case.texts))
        call |= {
            "negative_prompt_embeds": negative,
            "negative_pooled_prompt_embeds": negative_pooled,
            "guidance_scale": loop["cfg"],
        }
    steps: list[GuidedStep] = []
    trace: list[torch.Tensor] = []

    def keep(_: Any, step: int, time: Any, kept: dict[str, Any]) -> dict[str, Any]:
        trace.append(kept["latents"])
        return {}

    with guided_transformer(
        case.pipe, case.prompts, settings, steps=loop["steps"], observer=steps.append
    ):
        case.pipe(
            **call,
            callback_on_step_end=keep,
            latents=case.noise(),
            height=case.shape[1] * case.pipe.vae_scale_factor,
            width=case.shape[2] * case.pipe.vae_scale_factor,
            num_inference_steps=loop["steps"],
            sigmas=np.linspace(1, 1 / loop["steps"], loop["steps"]).tolist(),
            output_type="latent",
        )
    assert len(trace) == loop["steps"]
    assert len(steps) == loop["guided"]
    limit = LOSS if case.flux else 1e-3
    for number, wanted in enumerate(loop["trace"]):
        latents = case.unpacked(trace[number]).flatten(1)
        norms = torch.tensor(wanted["latent_norm"], dtype=torch.float64)
        assert off(latents[:, :8], wanted["latent_first8"], norms) < limit, number
        assert relative(latents.norm(dim=1), norms) < limit, number
        if number < len(steps):
            loss = torch.tensor(wanted["loss"], dtype=torch.float64)
            assert relative(steps[number].prediction.loss, loss) < limit, number
