"""Loss, gradient and guided sampling on transformers against explicit joint attention in float64.

Another file of the same form is read when SPATIALBENCH_MMDIT_EXPECTED names one.

Processors differ in one thing: diffusers computes the time embedding in float32, and the exp of its
128 frequencies is rounded by the last bit otherwise here and there, which at time 950 is 6e-5 of a
radian. The SD3 file's sharp weights make 1.4e-5 of a loss, 1.3e-4 of a gradient and, over a loop
with guidance 7, 1e-3 of the latents of it. So the files are read with the frequencies of the
processor that made them, which the model's plain velocity tells; then they agree to 1e-7. On this
processor's own frequencies an explicit reference is beside them.
"""

from __future__ import annotations

import importlib.util
import json
import math
import os
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
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
from tests.methods.infsplign.explicit_joint import loss_and_gradient
from tests.reference_data import reference
from tests.tiny_models import t5_tokenizer

CLIP_ROWS = 77
VELOCITY = "velocity_norm_first_sigma"
LOSS, GRADIENT = 1e-5, 1e-4
EXPONENTS: Mapping[str, Mapping[int, int]] = {
    "rounded correctly": {},
    "MKL's code for SSE 4.2, as for processors that are not Intel's": {12: 1, 106: 1},
    "MKL's code for AVX2": {2: 1, 78: -1, 92: -1, 98: 1, 110: 1, 117: 1},
    "MKL's code for AVX-512": {13: 1, 44: 1, 119: 1},
}
"""By what computed them, how many units of the last place which frequencies are off."""


class Sinusoids(torch.nn.Module):
    """diffusers' time embedding of SD3 and FLUX, with frequencies rounded in a given way."""

    def __init__(self, off: Mapping[int, int]) -> None:
        super().__init__()
        exponent = -math.log(10000) * torch.arange(128, dtype=torch.float32) / 128
        bits = exponent.double().exp().float().view(torch.int32)
        for place, units in off.items():
            bits[place] += units
        self.frequencies = bits.view(torch.float32)

    def forward(self, timesteps: torch.Tensor) -> torch.Tensor:
        angles = (timesteps[:, None].float() * self.frequencies).double()
        return torch.cat([angles.cos(), angles.sin()], dim=-1).float()


class Case:
    """One file of expected numbers and the pipeline it speaks of."""

    def __init__(self, file: Path, clip_tokenizer: Any) -> None:
        import diffusers

        self.expected: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        self.flux = self.expected["kind"] == "flux"
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

    def asked(self, level: float, texts: list[str] | None = None) -> dict[str, Any]:
        """What the transformer is asked at a noise level, but for the latents."""
        tokens, pooled = self.embeddings(texts or self.texts)
        times = torch.full((len(self.texts),), 1000 * level).double()
        more: dict[str, Any] = {"timestep": times}
        if self.flux:
            sides = [side // 2 for side in self.shape[1:]]
            ids = self.pipe._prepare_latent_image_ids(1, *sides, "cpu", torch.float64)
            told = self.expected["transformer"]["guidance_embeds"]
            more = {
                "timestep": times / 1000,
                "guidance": torch.full((len(times),), 3.5).double() if told else None,
                "img_ids": ids,
                "txt_ids": torch.zeros(tokens.shape[1], 3).double(),
            }
        return {
            "encoder_hidden_states": tokens,
            "pooled_projections": pooled,
            "return_dict": False,
            **more,
        }

    def evaluated(self, settings: GuidanceSettings, level: float) -> GuidedStep:
        """What one guided evaluation of the bare transformer sees at a noise level."""
        seen: list[GuidedStep] = []
        self.pipe.scheduler.set_timesteps(1)
        guide = guided_transformer(self.pipe, self.prompts, settings, steps=1, observer=seen.append)
        with guide:
            self.pipe.transformer(hidden_states=self.noise(), **self.asked(level))
        (step,) = seen
        return step

    def explicit(self, options: dict[str, Any], level: float) -> tuple[torch.Tensor, torch.Tensor]:
        """Loss and gradient (packed, where the model is) from whole attention matrices."""
        asked = self.asked(level)
        patch = 2 if self.flux else self.expected["transformer"]["patch_size"]
        return loss_and_gradient(
            lambda latents: self.pipe.transformer(hidden_states=latents, **asked),
            self.noise(),
            options,
            self.expected["prompts"],
            asked["encoder_hidden_states"].shape[1],
            (self.shape[1] // patch, self.shape[2] // patch),
            text_first=self.flux,
        )

    def velocity(self, level: float, texts: list[str]) -> torch.Tensor:
        """The bare transformer's, for its own noise and these texts."""
        with torch.no_grad():
            asked = self.asked(level, texts)
            found: torch.Tensor = self.pipe.transformer(hidden_states=self.noise(), **asked)[0]
        return found

    def sampled(
        self,
        settings: GuidanceSettings,
        steps: int,
        cfg: float | None,
        observer: Callable[[GuidedStep], None] | None = None,
    ) -> list[torch.Tensor]:
        """The guided pipeline's latents after each step.

        Args:
            cfg: of guidance by two predictions; None without.
        """
        tokens, pooled = self.embeddings(self.texts)
        call: dict[str, Any] = {"prompt_embeds": tokens, "pooled_prompt_embeds": pooled}
        if cfg or not self.flux:
            negative, negative_pooled = self.embeddings([""] * len(self.texts))
            call |= {
                "negative_prompt_embeds": negative,
                "negative_pooled_prompt_embeds": negative_pooled,
                "true_cfg_scale" if self.flux else "guidance_scale": cfg or 1.0,
            }
        if self.flux:
            call["guidance_scale"] = 3.5
        trace: list[torch.Tensor] = []

        def keep(_: Any, step: int, time: Any, kept: dict[str, Any]) -> dict[str, Any]:
            trace.append(kept["latents"])
            return {}

        with guided_transformer(self.pipe, self.prompts, settings, steps=steps, observer=observer):
            self.pipe(
                **call,
                callback_on_step_end=keep,
                latents=self.noise(),
                height=self.shape[1] * self.pipe.vae_scale_factor,
                width=self.shape[2] * self.pipe.vae_scale_factor,
                num_inference_steps=steps,
                sigmas=np.linspace(1, 1 / steps, steps).tolist(),
                output_type="latent",
            )
        return trace

    def velocity_off(self) -> float:
        """How far the plain velocity's norms are from the file's, at its first noise level."""
        found = self.velocity(self.expected["cases"][0]["steps"][0]["sigma"], self.texts)
        return relative(found.flatten(1).norm(dim=1), self.expected["check"][VELOCITY])

    @contextmanager
    def as_its_processor(self) -> Iterator[None]:
        """Inside, the time embedding is that of the processor that made the file."""
        embedding = self.pipe.transformer.time_text_embed
        own = embedding.time_proj
        try:
            tried = {self.velocity_off(): own}
            for units in EXPONENTS.values():
                embedding.time_proj = Sinusoids(units)
                tried[self.velocity_off()] = embedding.time_proj
            embedding.time_proj = tried[min(tried)]
            yield
        finally:
            embedding.time_proj = own


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
    return [
        "parity_sd3.json",
        "parity_flux.json",
        *([str(Path(other).absolute())] if other else []),
    ]


@pytest.fixture(scope="module", params=_files())
def stock(request: Any, clip_tokenizer: Any) -> Case:
    """With the time embedding as this processor computes it."""
    return Case(reference("mmdit") / request.param, clip_tokenizer)


@pytest.fixture
def case(stock: Case) -> Iterator[Case]:
    with stock.as_its_processor():
        yield stock


def off(found: torch.Tensor, wanted: Any, norms: torch.Tensor) -> float:
    """The largest difference of a part of each sample, as a share of the whole sample's norm."""
    wanted = torch.tensor(wanted, dtype=torch.float64).flatten(1)
    return float(((found.flatten(1) - wanted).abs() / norms.unsqueeze(1)).max())


def relative(found: torch.Tensor, wanted: Any) -> float:
    wanted = torch.as_tensor(wanted, dtype=torch.float64)
    return float(((found - wanted).norm() / wanted.norm()).detach())


def largest(found: torch.Tensor, wanted: Any) -> float:
    """The largest relative difference of any sample."""
    wanted = torch.as_tensor(wanted, dtype=torch.float64)
    return float(((found - wanted) / wanted).abs().max())


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
    for entry in case.expected["cases"]:
        settings = case.settings(entry["options"], start="0", end="1", steps=1)
        for wanted in entry["steps"]:
            step = case.evaluated(settings, wanted["sigma"])
            where = f"{entry['name']} at {wanted['sigma']}"
            assert largest(step.prediction.loss, wanted["loss"]) < LOSS, where
            gradient = case.unpacked(step.prediction.gradient)
            norms = torch.tensor(wanted["grad_norm"], dtype=torch.float64)
            assert largest(gradient.flatten(1).norm(dim=1), norms) < GRADIENT, where
            assert off(gradient.flatten(1)[:, :8], wanted["grad_first8"], norms) < GRADIENT, where
            sums = gradient.sum((-1, -2))
            assert off(sums, wanted["grad_channel_sum"], norms) < GRADIENT, where
            dots = [[d / float(projection.norm())] for d in wanted["grad_dot_projection"]]
            projected = (gradient * projection).flatten(1).sum(1, keepdim=True)
            assert off(projected / projection.norm(), dots, norms) < GRADIENT, where


def test_this_processor_too_gives_what_an_explicit_reference_does(stock: Case) -> None:
    """Whatever its frequencies are: what it differs by from the file is the stock model's."""
    for entry in stock.expected["cases"]:
        settings = stock.settings(entry["options"], start="0", end="1", steps=1)
        level = entry["steps"][0]["sigma"]
        found = stock.evaluated(settings, level).prediction
        loss, gradient = stock.explicit(entry["options"], level)
        assert largest(found.loss, loss) < 1e-7, entry["name"]
        assert relative(found.gradient, gradient) < 1e-6, entry["name"]


def test_guided_sampling(case: Case) -> None:
    loop = case.expected["loop"]
    options = next(e["options"] for e in case.expected["cases"] if e["name"] == loop["case"])
    weight, guided = loop["weight"], str(loop["guided"])
    settings = case.settings(options, weight=weight, start="0", end=guided)
    steps: list[GuidedStep] = []
    trace = case.sampled(settings, loop["steps"], loop["cfg"], steps.append)
    assert len(trace) == loop["steps"]
    assert len(steps) == loop["guided"]
    limit = 1e-3 if case.expected["transformer"].get("qk_norm") else LOSS
    for number, wanted in enumerate(loop["trace"]):
        latents = case.unpacked(trace[number]).flatten(1)
        norms = torch.tensor(wanted["latent_norm"], dtype=torch.float64)
        assert off(latents[:, :8], wanted["latent_first8"], norms) < limit, number
        assert relative(latents.norm(dim=1), norms) < limit, number
        if number < len(steps):
            loss = torch.tensor(wanted["loss"], dtype=torch.float64)
            assert relative(steps[number].prediction.loss, loss) < limit, number


DUAL: dict[str, Any] = {
    "kind": "sd3",
    "transformer": {
        "sample_size": 20,
        "patch_size": 2,
        "in_channels": 4,
        "out_channels": 4,
        "num_layers": 3,
        "attention_head_dim": 8,
        "num_attention_heads": 4,
        "joint_attention_dim": 32,
        "caption_projection_dim": 32,
        "pooled_projection_dim": 32,
        "pos_embed_max_size": 12,
        "qk_norm": "rms_norm",
        "dual_attention_layers": [0, 1],
    },
    "fill": {"scale": {"to_q": 3.0, "to_k": 3.0}, "class_bias": 0.0},
    "latent_shape": [4, 12, 20],
    "t5_length": 64,
    "pooled_width": 32,
    "loop": {"steps": 2, "shift": 3.0},
    "prompts": [
        {
            "text": "a red bench above a hot dog",
            "a": "bench",
            "b": "hot dog",
            "relation": "above",
            "positions": {"clip": [[3], [6, 7]]},
        },
        {
            "text": "a cup to the right of a tv",
            "a": "cup",
            "b": "tv",
            "relation": "right",
            "positions": {"clip": [[2], [8]]},
        },
    ],
}
"""As SD3.5 medium: a second attention in some blocks, queries and keys normed, and an image that is
not square."""
UNTOLD: dict[str, Any] = {
    "kind": "flux",
    "transformer": {
        "patch_size": 1,
        "in_channels": 16,
        "num_layers": 1,
        "num_single_layers": 2,
        "attention_head_dim": 16,
        "num_attention_heads": 2,
        "joint_attention_dim": 32,
        "pooled_projection_dim": 32,
        "axes_dims_rope": [4, 4, 8],
        "guidance_embeds": False,
    },
    "fill": {"scale": {"to_k": 2.0, "add_k_proj": 2.0}, "class_bias": 0.0},
    "latent_shape": [4, 12, 8],
    "t5_length": 72,
    "pooled_width": 32,
    "loop": {"steps": 2, "shift": 1.15},
    "prompts": [
        {
            "text": "a dog to the left of a hot dog",
            "a": "dog",
            "b": "hot dog",
            "relation": "left",
            "positions": {"t5": [[2, 3, 4, 5], [23, 24, 25, 26, 27, 28, 29, 30]]},
        },
    ],
}
"""FLUX that is told no guidance, an upright image, and a name of which the other is a part."""
WANTED: dict[str, Any] = {
    "loss": "gelu",
    "alpha": 1.5,
    "margin": 0.25,
    "lambdas": [0.5, 1.0, 1.0],
    "softmax": "joint",
    "tokens": "clip",
    "aggregate": "maps",
    "grid": "native",
    "taps": [0, 1],
    "soft_threshold": False,
}


def made(file: dict[str, Any], folder: Path, tokenizer: Any) -> Case:
    path = folder / "other.json"
    path.write_text(json.dumps(file), encoding="utf-8")
    return Case(path, tokenizer)


@pytest.mark.parametrize(
    ("file", "given"),
    [
        (DUAL, {}),
        (DUAL, {"grid": "canvas64", "soft_threshold": True, "loss": "leaky_relu"}),
        (UNTOLD, {"tokens": "t5", "taps": [0, 2]}),
        (UNTOLD, {"tokens": "t5", "softmax": "text", "aggregate": "losses", "loss": "relu"}),
    ],
)
def test_other_transformers_and_other_options(
    file: dict[str, Any], given: dict[str, Any], tmp_path: Path, clip_tokenizer: Any
) -> None:
    case = made(file, tmp_path, clip_tokenizer)
    options = WANTED | given
    found = case.evaluated(case.settings(options, start="0", end="1", steps=1), 0.9).prediction
    loss, gradient = case.explicit(options, 0.9)
    assert largest(found.loss, loss) < 1e-7
    assert relative(found.gradient, gradient) < 1e-6


@pytest.mark.parametrize(("file", "tokens"), [(DUAL, "clip"), (UNTOLD, "t5")])
def test_the_gradient_is_added_after_guidance_by_two_predictions(
    file: dict[str, Any], tokens: str, tmp_path: Path, clip_tokenizer: Any
) -> None:
    """One step of the stock pipelines, FLUX's with a negative prompt of its own call."""
    case = made(file, tmp_path, clip_tokenizer)
    options = WANTED | {"tokens": tokens}
    found = case.sampled(case.settings(options, weight=3, start="0", end="1"), 2, 4.0)[0]
    first, second = case.pipe.scheduler.sigmas[:2].double().tolist()
    _, gradient = case.explicit(options, first)
    own, other = (case.velocity(first, texts) for texts in (case.texts, [""] * len(case.texts)))
    velocity = other + 4 * (own - other) + 3 * gradient / max(1 - first, 0.06)
    assert relative(found, case.noise() + (second - first) * velocity) < 1e-6
