"""Settings are checked before anything is loaded, and defaults come from the backbone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from spatialbench.backbones.decoding import decode
from spatialbench.backbones.named import resolve
from spatialbench.backbones.pipelines import load_pipeline
from spatialbench.backbones.sampling import resolve_sampling
from spatialbench.errors import UserError
from spatialbench.plugins import GenerationSettings, ImageRequest
from spatialbench.prompts import Prompt


def requests(*seeds: int) -> list[ImageRequest]:
    return [ImageRequest(Prompt(str(i), "a dog", "left"), 0, seed) for i, seed in enumerate(seeds)]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 0}, r"--steps 0 is too few: give 1 or more \(default 50\)"),
        ({"steps": -3}, "--steps -3"),
        ({"guidance_scale": -1.0}, r"--guidance-scale -1 is out of range.*default 7\.5"),
        ({"guidance_scale": 0.5}, r"--guidance-scale 0\.5 is out of range"),
        ({"guidance_scale": float("nan")}, "--guidance-scale nan"),
        ({"width": 500}, "--width 500 is not an image size .* multiple of 8"),
        ({"height": 0}, "--height 0"),
        ({"dtype": "half"}, "unknown dtype 'half'"),
        ({"scheduler": "dimm"}, "unknown scheduler 'dimm': did you mean ddim"),
        ({"prompt_transform": "toer"}, "unknown prompt transform 'toer': did you mean tore"),
        ({"prompt_transform": "tore"}, r"wrap it, as in with_transform\(generator, 'tore'\)"),
        ({"backbone": "sd3"}, "unknown backbone 'sd3'"),
    ],
)
def test_settings_that_make_no_sense(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        resolve_sampling(GenerationSettings(**{"backbone": "sd1.4", **settings}))


def test_defaults_are_the_backbones() -> None:
    sampling = resolve_sampling(GenerationSettings(backbone="sdxl"))
    assert (sampling.steps, sampling.guidance_scale, sampling.scheduler.name) == (50, 5.0, "own")
    assert (sampling.width, sampling.height) == (1024, 1024)
    lab = resolve_sampling(GenerationSettings())
    assert (lab.backbone.name, lab.width, lab.height) == ("lab", 64, 64)


def test_no_guidance_has_one_identity(sd_folder: Path) -> None:
    for scale in (0, 0.0, 1, 1.0):
        sampling = resolve_sampling(
            GenerationSettings(backbone=str(sd_folder), guidance_scale=scale)
        )
        assert not sampling.guided
        assert sampling.identity()["guidance_scale"] == 1.0


def test_decoding_refuses_nan_and_names_the_images(sd_folder: Path) -> None:
    import torch

    pipe = load_pipeline(resolve(str(sd_folder)))
    latents = torch.zeros(3, 4, 8, 8)
    images = decode(pipe, latents, requests(1, 2, 3))
    assert [image.size for image in images] == [(16, 16)] * 3
    latents[1, 2, 3, 4] = float("nan")
    with pytest.raises(UserError, match=r"latents for 1 of 3 images \(1/0\).*--dtype float32"):
        decode(pipe, latents, requests(1, 2, 3))
