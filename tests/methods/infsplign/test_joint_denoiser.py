"""Guidance on stock SD3 and FLUX pipelines: what it leaves alone, carries, and refuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from spatialbench.backbones.families import FLUX, SD3, Family
from spatialbench.errors import UserError
from spatialbench.guidance.joint_blocks import find_blocks
from spatialbench.guidance.joint_tokens import joint_object_tokens
from spatialbench.methods.infsplign import PLUGIN, RELEASED
from spatialbench.methods.infsplign.guide import GuidedStep
from spatialbench.methods.infsplign.joint_denoiser import guided_transformer
from spatialbench.methods.infsplign.settings import GuidanceSettings, read_settings
from spatialbench.methods.stable_diffusion import PLUGIN as SD
from spatialbench.plugins import GenerationSettings, ImageRequest
from spatialbench.prompts import Prompt
from tests.tiny_models import save_pipeline, tiny_flux
from tests.tiny_sd3 import tiny_sd3

STEPS = 4


def settings(family: Family = SD3, steps: int = STEPS, **given: Any) -> GuidanceSettings:
    return read_settings({"blocks": "1,2", **given}, "", steps, family=family)


@pytest.fixture(scope="module")
def prompts(pair: Callable[..., Prompt]) -> list[Prompt]:
    return [pair("dog", "to the left of", "cat", "1"), pair("wine glass", "above", "bench", "2")]


@pytest.fixture(scope="module")
def sd3() -> Any:
    return tiny_sd3()


@pytest.fixture(scope="module")
def flux() -> Any:
    pipe = tiny_flux()
    pipe.set_progress_bar_config(disable=True)
    for part in (pipe.transformer, pipe.vae, pipe.text_encoder, pipe.text_encoder_2):
        part.eval().requires_grad_(False)
    return pipe


def sampled(pipe: Any, prompts: list[Prompt], **options: Any) -> torch.Tensor:
    generators = [torch.Generator().manual_seed(i) for i in range(len(prompts))]
    call = {"num_inference_steps": STEPS, "height": 32, "width": 48, "output_type": "latent"}
    texts = [prompt.text for prompt in prompts]
    latents: torch.Tensor = pipe(texts, generator=generators, **{**call, **options}).images
    return latents


@pytest.mark.parametrize("family", [SD3, FLUX])
def test_without_a_guided_step_the_pipeline_is_the_stock_one(
    family: Family, sd3: Any, flux: Any, prompts: list[Prompt]
) -> None:
    pipe = sd3 if family is SD3 else flux
    plain = sampled(pipe, prompts)
    before = dict(vars(pipe.scheduler))
    with guided_transformer(pipe, prompts, settings(family, end="0"), steps=STEPS):
        unguided = sampled(pipe, prompts)
    assert torch.equal(unguided, plain)
    with guided_transformer(pipe, prompts, settings(family, end="1"), steps=STEPS):
        moved = sampled(pipe, prompts)
    assert not torch.equal(moved, plain)
    assert "forward" not in vars(pipe.transformer)
    assert "step" in before or "step" not in vars(pipe.scheduler)
    assert torch.equal(sampled(pipe, prompts), plain)


@pytest.mark.parametrize("family", [SD3, FLUX])
def test_the_loss_falls_where_the_gradient_is_followed(
    family: Family, sd3: Any, flux: Any, prompts: list[Prompt]
) -> None:
    """Of the sign: the loss one step later is lower than it is without guidance."""
    pipe = sd3 if family is SD3 else flux

    def losses(weight: float) -> list[torch.Tensor]:
        seen: list[GuidedStep] = []
        given = settings(family, weight=weight, end="2", lambda_spatial=1)
        with guided_transformer(pipe, prompts, given, steps=STEPS, observer=seen.append):
            sampled(pipe, prompts)
        return [step.prediction.loss for step in seen]

    plain, moved = losses(0.0), losses(0.05 if family is SD3 else 30.0)
    assert torch.equal(plain[0], moved[0])
    assert (moved[1] < plain[1]).all()


def test_negative_prompts_guidance_in_two_calls_and_schedulers_of_two_calls(
    flux: Any, prompts: list[Prompt]
) -> None:
    """FLUX's true guidance asks twice a step, Heun steps twice: the gradient enters each once."""
    seen: list[GuidedStep] = []
    given = settings(FLUX, end="2")
    with guided_transformer(flux, prompts, given, steps=STEPS, observer=seen.append):
        sampled(flux, prompts, negative_prompt=["a car"] * 2, true_cfg_scale=3.0)
    assert [step.call for step in seen] == [0, 1]
    seen.clear()
    heun = tiny_sd3(heun=True)
    given = settings(end="2")
    with guided_transformer(heun, prompts, given, steps=STEPS, observer=seen.append):
        sampled(heun, prompts)
    assert [step.call for step in seen] == [0, 1, 2, 3]
    assert len({float(step.timestep.flatten()[0]) for step in seen}) == 3


def test_batch_mates_and_checkpointing_change_nothing(sd3: Any, prompts: list[Prompt]) -> None:
    """Recomputed activations give the same gradients, and so does a sample alone."""

    def gradient(chosen: list[Prompt], **given: Any) -> torch.Tensor:
        seen: list[GuidedStep] = []
        with guided_transformer(
            sd3, chosen, settings(end="1", **given), steps=STEPS, observer=seen.append
        ):
            sampled(sd3, chosen)
        return seen[0].prediction.gradient

    together = gradient(prompts)
    assert torch.equal(gradient(prompts, checkpointing=True), together)
    torch.testing.assert_close(gradient(prompts[:1]), together[:1], rtol=1e-3, atol=1e-5)


def test_nothing_is_recorded_after_the_last_tapped_block(sd3: Any, prompts: list[Prompt]) -> None:
    """The third block and the last see no gradient mode; the tapped second does."""
    modes: list[bool] = []
    hooks = [
        block.register_forward_pre_hook(lambda *_: modes.append(torch.is_grad_enabled()))
        for block in sd3.transformer.transformer_blocks
    ]
    try:
        given = settings(blocks="1", end="1")
        with guided_transformer(sd3, prompts, given, steps=STEPS):
            sampled(sd3, prompts, num_inference_steps=1)
    finally:
        for hook in hooks:
            hook.remove()
    # The negative prompt's half, then the prompt's own.
    assert modes == [False] * 4 + [True, True, False, False]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"blocks": "4"}, "blocks=4 is not in this transformer, whose 4 blocks"),
        ({"blocks": ""}, "it is not known which of this transformer's 4 blocks to read"),
        ({"tokens": "t5", "blocks": "1"}, "tokens=t5 needs T5"),
    ],
)
def test_blocks_and_tokens_that_are_not_there(
    given: dict[str, Any], message: str, prompts: list[Prompt]
) -> None:
    pipe = tiny_sd3(t5=False)
    with (
        pytest.raises(UserError, match=message),
        guided_transformer(pipe, prompts, settings(**given), steps=STEPS),
    ):
        sampled(pipe, prompts)


def test_attention_that_is_not_the_backbones_own_is_refused(
    sd3: Any, flux: Any, prompts: list[Prompt], pair: Callable[..., Prompt]
) -> None:
    from diffusers.models.attention_processor import FusedJointAttnProcessor2_0
    from diffusers.models.transformers.transformer_flux import FluxIPAdapterAttnProcessor

    with pytest.raises(UserError, match="is a Linear: choose another backbone"):
        find_blocks(torch.nn.Linear(2, 2), (0,), "infsplign")
    other = tiny_sd3()
    other.transformer.transformer_blocks[3].attn.set_processor(FusedJointAttnProcessor2_0())
    with pytest.raises(UserError, match=r"block 3 is computed by FusedJointAttnProcessor2_0"):
        find_blocks(other.transformer, (1,), "infsplign")
    attention = flux.transformer.transformer_blocks[0].attn
    own = attention.processor
    attention.set_processor(FluxIPAdapterAttnProcessor(32, 32))
    with pytest.raises(UserError, match=r"block 0 is computed by FluxIPAdapterAttnProcessor"):
        find_blocks(flux.transformer, (1,), "infsplign")
    attention.set_processor(own)
    attention.fused_projections = True
    with pytest.raises(UserError, match="without fuse_qkv_projections"):
        find_blocks(flux.transformer, (1,), "infsplign")
    attention.fused_projections = False
    long = pair("dog", "to the left of", "cat")
    long = Prompt("9", "a photo of " * 20 + long.text, "left", long.triplet)
    with (
        pytest.raises(UserError, match="lies beyond the 16 tokens"),
        guided_transformer(sd3, [long], settings(), steps=STEPS),
    ):
        sampled(sd3, [long])
    from diffusers import FlowMatchLCMScheduler

    other.scheduler = FlowMatchLCMScheduler()
    with (
        pytest.raises(UserError, match="this backbone has a FlowMatchLCMScheduler"),
        guided_transformer(other, prompts, settings(), steps=STEPS),
    ):
        pass


@pytest.mark.parametrize("tokens", ["clip", "both"])
def test_what_only_one_encoder_reads_far_enough_for(
    tokens: str, sd3: Any, prompts: list[Prompt]
) -> None:
    """CLIP ends after 16 tokens here, T5 long after them: what the message says to type works."""
    first = prompts[0]
    long = Prompt("9", "a photo of " * 6 + first.text, "left", first.triplet)
    with pytest.raises(UserError, match=r"shorten the prompt\. Or give --set tokens=t5: it reads"):
        joint_object_tokens(sd3, long, tokens, 256)
    assert joint_object_tokens(sd3, long, "t5", 256)
    with pytest.raises(UserError, match=r"shorten the prompt\.$"):
        joint_object_tokens(sd3, long, tokens, 40)


def test_the_method_on_folders(
    tmp_path: Path, schnell_folder: Path, prompts: list[Prompt], sd_folder: Path
) -> None:
    folder = save_pipeline(tiny_sd3(), tmp_path / "sd3")
    given = GenerationSettings(backbone=str(folder), steps=STEPS, height=32, width=32)
    requests = [ImageRequest(p, 0, 42 + i) for i, p in enumerate(prompts)]
    method = PLUGIN.configure(given, {"blocks": "1-2", "weight": "1"})
    identity = method.identity()
    assert identity["marks"] == ["reconstruction"]
    assert identity["parameters"] == {
        "loss": "gelu",
        "alpha": 1.5,
        "margin": 0.25,
        "slope": 0.05,
        "weight": 1.0,
        "lambda_spatial": 0.5,
        "lambda_presence": 1.0,
        "lambda_balance": 1.0,
        "orthogonal": 0.0,
        "orthogonal_power": 2,
        "threshold": "none",
        "near": "none",
        "window": [0, 1],
        "blocks": [1, 2],
        "tokens": "clip",
        "softmax": "joint",
        "aggregate": "maps",
        "grid": "native",
    }
    plain = [image.tobytes() for image in SD.configure(given, {}).generate(requests)]
    assert [image.tobytes() for image in method.generate(requests)] != plain
    still = PLUGIN.configure(given, {"blocks": "1-2", "end": "0"})
    assert [image.tobytes() for image in still.generate(requests)] == plain
    default = PLUGIN.configure(given, {}).identity()["parameters"]
    assert (default["weight"], default["blocks"]) == (100.0, "default")
    with pytest.raises(UserError, match="layers is for levels of a UNet"):
        PLUGIN.configure(given, {"layers": "mid"})
    with pytest.raises(UserError, match="blocks=5-3 ends before it starts"):
        PLUGIN.configure(given, {"blocks": "5-3"})
    with pytest.raises(UserError, match="is not a list of blocks"):
        PLUGIN.configure(given, {"blocks": "first"})
    with pytest.raises(UserError, match=r"softmax of infsplign .*'row'"):
        PLUGIN.configure(given, {"softmax": "row"})
    with pytest.raises(UserError, match="an SD3 model: its authors' code"):
        RELEASED.configure(given, {})
    with pytest.raises(UserError, match="distilled to 4 steps"):
        PLUGIN.configure(GenerationSettings(backbone=str(schnell_folder)), {})
    unet = GenerationSettings(backbone=str(sd_folder))
    for name, value in (("blocks", "1"), ("threshold", "soft")):
        with pytest.raises(UserError, match=f"{name}.*UNet"):
            PLUGIN.configure(unet, {name: value})
