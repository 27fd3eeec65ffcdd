"""A pipeline object of any kind gives the images of its folder, and stays as it is."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from spatialbench.errors import UserError
from spatialbench.lab import TRANSFORMER
from spatialbench.methods.own_pipeline import OwnPipeline
from spatialbench.methods.stable_diffusion import PLUGIN
from spatialbench.plugins import GenerationSettings, ImageRequest
from spatialbench.prompts import Prompt
from spatialbench.runs.identity import canonical_json
from tests.methods.batches import pixels

REQUESTS = [
    ImageRequest(Prompt(str(i), text, "left"), index=i, seed=42 + i)
    for i, text in enumerate(("a dog to the left of a cat", "a car above a bench"))
]


def own(pipe: Any, given: dict[str, Any] | None = None, **settings: Any) -> OwnPipeline:
    return OwnPipeline(pipe, GenerationSettings(**settings), given or {}, "mine")


@pytest.mark.parametrize(
    ("kind", "given", "settings"),
    [
        ("sd", {"negative_prompt": "blue", "eta": 0.5}, {"scheduler": "ddim"}),
        ("sdxl", {}, {}),
        ("flux", {}, {}),
        ("sd3", {}, {}),
    ],
)
def test_the_images_are_those_of_its_folder(
    request: pytest.FixtureRequest, kind: str, given: dict[str, Any], settings: dict[str, Any]
) -> None:
    import torch
    from diffusers import DiffusionPipeline

    folder = TRANSFORMER if kind == "sd3" else request.getfixturevalue(f"{kind}_folder")
    # The lab's transformer has no T5, which diffusers wants to be told.
    absent = {"text_encoder_3": None, "tokenizer_3": None} if kind == "sd3" else {}
    pipe = DiffusionPipeline.from_pretrained(folder, dtype=torch.float32, **absent)
    settings = {"steps": 2, **settings}
    ours = own(pipe, given, **settings).generate(REQUESTS)
    stock = PLUGIN.configure(GenerationSettings(backbone=str(folder), **settings), given)
    stock.load()
    assert [pixels(image).tobytes() for image in ours] == [
        pixels(image).tobytes() for image in stock.generate(REQUESTS)
    ]


def test_the_pipeline_is_left_as_it_was(sd_folder: Path) -> None:
    from diffusers import StableDiffusionPipeline

    pipe = StableDiffusionPipeline.from_pretrained(sd_folder)
    pipe.text_encoder.train()
    scheduler, before = pipe.scheduler, dict(vars(pipe.scheduler))
    own(pipe, steps=2, scheduler="euler").generate(REQUESTS)
    assert pipe.scheduler is scheduler
    assert vars(scheduler).keys() == before.keys()
    assert scheduler.num_inference_steps == before["num_inference_steps"]
    assert pipe.text_encoder.training
    assert not pipe.unet.training
    assert pipe.unet.conv_in.weight.requires_grad


def test_a_scheduler_that_is_set_to_an_infinity_has_an_identity(sd_folder: Path) -> None:
    from diffusers import DPMSolverMultistepScheduler, StableDiffusionPipeline

    pipe = StableDiffusionPipeline.from_pretrained(sd_folder)
    pipe.scheduler = DPMSolverMultistepScheduler.from_config(pipe.scheduler.config)
    assert pipe.scheduler.config.lambda_min_clipped == -math.inf
    identity = own(pipe).identity()
    assert '"lambda_min_clipped":"-Infinity"' in canonical_json(identity)


def test_the_identity_is_that_of_the_parts(sd_folder: Path) -> None:
    from diffusers import EulerDiscreteScheduler, StableDiffusionPipeline

    pipe = StableDiffusionPipeline.from_pretrained(sd_folder)
    again = StableDiffusionPipeline.from_pretrained(sd_folder)
    plain = own(pipe).identity()
    assert own(again).identity() == plain
    again.scheduler = EulerDiscreteScheduler.from_config(again.scheduler.config)
    other = own(again).identity()
    assert other["scheduler"]["class"] == "EulerDiscreteScheduler"
    assert other | {"scheduler": plain["scheduler"]} == plain
    again.unet.conv_out.bias.data[0] += 1
    assert own(again).identity()["backbone"] != plain["backbone"]
    pipe.tokenizer.add_tokens(["zebra"])
    assert own(pipe).identity()["backbone"] != plain["backbone"]


def test_another_kind_of_pipeline_is_named() -> None:
    class ImaginaryPipeline:
        device, dtype = "cpu", "float32"

    with pytest.raises(UserError, match="a ImaginaryPipeline is not sampled here"):
        own(ImaginaryPipeline())
