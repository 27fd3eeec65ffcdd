"""Loss, gradient and latents against what the authors' own code produced.

Another file of the same form is read when SPATIALBENCH_INFSPLIGN_EXPECTED names one.
"""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from spatialbench import plugins
from spatialbench.methods.infsplign.guide import GuidedStep
from spatialbench.plugins import GenerationSettings, ImageRequest
from spatialbench.prompts import Prompt, Triplet
from spatialbench.relations import PHRASES, Relation
from tests.tiny_models import save_pipeline


@pytest.fixture(scope="module")
def expected(data: Path) -> dict[str, Any]:
    path = os.environ.get("SPATIALBENCH_INFSPLIGN_EXPECTED")
    file = Path(path) if path else data / "infsplign" / "expected.json"
    loaded: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return loaded


@pytest.fixture(scope="module")
def pipe(expected: dict[str, Any], data: Path, clip_tokenizer: Any) -> Any:
    from diffusers import (
        AutoencoderKL,
        DDPMScheduler,
        StableDiffusionPipeline,
        UNet2DConditionModel,
    )
    from transformers import CLIPTextConfig, CLIPTextModel

    spec = importlib.util.spec_from_file_location("fill", data / "fill.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    unet = UNet2DConditionModel(sample_size=expected["sample_size"], **expected["unet"]).eval()
    text = {key: value for key, value in expected["text_encoder"].items() if key != "tokenizer"}
    encoder = CLIPTextModel(CLIPTextConfig(**text)).eval()
    for model in (unet, encoder):
        model.load_state_dict(module.fill(model.state_dict(), **expected["fill"]))
    made = StableDiffusionPipeline(
        unet=unet,
        vae=AutoencoderKL(
            block_out_channels=(8, 8, 8, 8),
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            norm_num_groups=4,
        ),
        text_encoder=encoder,
        tokenizer=clip_tokenizer,
        scheduler=DDPMScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            timestep_spacing="trailing",
            clip_sample=False,
            variance_type="fixed_small",
            steps_offset=1,
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    made.set_progress_bar_config(disable=True)
    return made


def _close(found: torch.Tensor, wanted: Any, tolerance: float, scale: Any = None) -> None:
    """Row by row: the difference's norm within ``tolerance`` of the expected row's (or scale)."""
    rows = torch.as_tensor(wanted)
    size = rows.flatten(1).norm(dim=1) if scale is None else torch.as_tensor(scale)
    assert ((found - rows).flatten(1).norm(dim=1) <= tolerance * size).all()


def _run(folder: Path, expected: dict[str, Any], case: dict[str, Any]) -> tuple[list[Any], Any]:
    """The case's guided steps and final latents, made by the method ``infsplign-released``."""
    # A phrase the authors' code does not know gets no spatial loss, as relations in depth do here.
    prompts = [
        Prompt(str(i), p["text"], "x", Triplet(p["a"], relation, p["b"]))
        for i, p in enumerate(expected["prompts"])
        for relation in [PHRASES.get(p["relation"], Relation.BEHIND)]
    ]
    lambdas = dict(
        zip(("lambda_spatial", "lambda_presence", "lambda_balance"), case["lam"], strict=True)
    )
    steps = len(case["timesteps"])
    given = {key: case[key] for key in ("loss", "alpha", "margin")}
    given |= {"end": str(len(case["steps"])), **lambdas}
    method = plugins.load("method", "infsplign-released")
    generator: Any = method.configure(GenerationSettings(str(folder), steps=steps), given)
    observed: list[GuidedStep] = []
    generator.observer = observed.append
    generator.load()
    latents = generator.latents([ImageRequest(p, 0, expected["seed"]) for p in prompts])
    assert generator.pipe.scheduler.timesteps.tolist() == case["timesteps"]
    return observed, latents


def test_agrees_with_the_authors_code(pipe: Any, expected: dict[str, Any], tmp_path: Path) -> None:
    assert expected["cases"]
    folder = save_pipeline(pipe, tmp_path)
    for case in expected["cases"]:
        observed, latents = _run(folder, expected, case)
        assert len(observed) == len(case["steps"])
        for step, wanted in zip(observed, case["steps"], strict=True):
            gradient = step.prediction.gradient
            assert int(step.timestep) == wanted["timestep"]
            wanted_loss = torch.tensor(wanted["loss"])
            torch.testing.assert_close(step.prediction.loss, wanted_loss, rtol=0, atol=1e-5)
            norm = wanted["grad_norm"]
            _close(gradient.flatten(1).norm(dim=1, keepdim=True), [[n] for n in norm], 1e-4)
            _close(gradient.flatten(1)[:, :8], wanted["grad_first8"], 1e-4)
            _close(gradient.sum((2, 3)), wanted["grad_channel_sum"], 1e-4, norm)
        _close(latents.flatten(1)[:, :8], case["final_latent_first8"], 1e-3)
        final = latents.flatten(1).norm(dim=1, keepdim=True)
        _close(final, [[norm] for norm in case["final_latent_norm"]], 1e-3)


def test_the_embeddings_are_those_of_the_file(pipe: Any, expected: dict[str, Any]) -> None:
    texts = [prompt["text"] for prompt in expected["prompts"]]
    with torch.no_grad():
        cond, uncond = pipe.encode_prompt(texts, "cpu", 1, True)
    check = expected["prompt_embedding_check"]
    for row, key in (
        (uncond[0, 5, :6], "uncond_first_prompt_row5_first6"),
        (cond[0, 2, :6], "cond_first_prompt_row2_first6"),
    ):
        torch.testing.assert_close(row, torch.tensor(check[key]), rtol=1e-5, atol=1e-5)
