"""Pipelines of every class through the command line and ``evaluate``; what is none is refused."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import spatialbench as api
from spatialbench.errors import UserError
from tests.tiny_pipelines import PIPELINES, bare_images, made

from .conftest import Command

RUN = ("run", "--method", "sd", "--bench", "visor", "--limit", "2", "--images-per-prompt", "1")
SEEN = ("--detector", "lab-owlvit", "--threshold", "0.01")
"""In noise nothing has a high score, of which the rule's own threshold would complain."""
SMALL = ("--steps", "2", *SEEN, "--device", "cpu", "--out", "run")


@pytest.fixture(scope="session")
def pipelines(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Any]]:
    """Folders and objects of all pipelines."""
    root = tmp_path_factory.mktemp("pipelines")
    found = {}
    for name in PIPELINES:
        pipe = made(name)
        pipe.save_pretrained(root / name)
        found[name] = (root / name, pipe)
    return found


def _images(run: Path) -> dict[str, Any]:
    from PIL import Image

    records = [json.loads(line) for line in (run / "images.jsonl").read_text("utf-8").splitlines()]
    return {
        record["prompt_id"]: np.asarray(
            Image.open(run / "images" / record["prompt_id"] / f"{record['index']}.png")
        )
        for record in records
    }


@pytest.mark.parametrize("name", sorted(PIPELINES))
def test_a_run_from_a_folder_and_one_of_the_object_hold_the_bare_images(
    spatialbench: Command, pipelines: dict[str, tuple[Path, Any]], name: str
) -> None:
    folder, pipe = pipelines[name]
    side = PIPELINES[name][1]
    sides = ("--width", side, "--height", side)
    outcome = spatialbench(*RUN, "--backbone", folder, *sides, *SMALL)
    assert outcome.status == 0, outcome.err
    run = api.evaluate(
        pipe,
        "visor",
        limit=2,
        images_per_prompt=1,
        steps=2,
        width=side,
        height=side,
        detector="lab-owlvit",
        threshold=0.01,
        out="own",
        progress=False,
    )
    assert run.summary is not None
    from spatialbench.benchmarks.visor import PLUGIN

    prompts = {prompt.id: prompt for prompt in PLUGIN.prompts("all")}
    by_folder, by_object = _images(Path("run")), _images(Path("own"))
    assert len(by_folder) == 2
    for id_, image in by_folder.items():
        seed = PLUGIN.seed(prompts[id_], 0)
        bare = bare_images(pipe, name, [prompts[id_].text], [seed])[0]
        assert np.array_equal(image, np.asarray(bare))
        assert np.array_equal(by_object[id_], image)


def test_a_larger_batch_is_reduced_and_said_so(
    spatialbench: Command, pipelines: dict[str, tuple[Path, Any]]
) -> None:
    folder, _ = pipelines["cogview4"]
    outcome = spatialbench(
        *RUN, "--backbone", folder, "--width", 32, "--height", 32, *SMALL, "--batch-size", "2",
        "--dry-run",
    )  # fmt: skip
    assert outcome.status == 0
    assert "batch size 1 and not 2" in " ".join(outcome.out.split())
    known, _ = pipelines["z-image"]
    outcome = spatialbench(
        *RUN, "--backbone", known, "--width", 32, "--height", 32, *SMALL, "--batch-size", "2",
        "--dry-run",
    )  # fmt: skip
    assert "batch size" not in outcome.out


def test_defaults_are_those_of_the_checkpoint(
    spatialbench: Command, pipelines: dict[str, tuple[Path, Any]], tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(pipelines["z-image"][0], folder)
    config = json.loads((folder / "text_encoder" / "config.json").read_text())
    config["dtype"] = "bfloat16"
    (folder / "text_encoder" / "config.json").write_text(json.dumps(config))

    def planned(*options: str) -> dict[str, Any]:
        plan = (*RUN, "--backbone", folder, *SEEN, "--device", "cpu", "--dry-run")
        outcome = spatialbench(*plan, "--format", "json", *options)
        assert outcome.status == 0, outcome.err
        identity: dict[str, Any] = json.loads(outcome.out)["identity"]["generator"]
        return identity

    own = planned()
    assert (own["steps"], own["guidance_scale"], own["dtype"]) == (50, 5.0, "bfloat16")
    assert (own["width"], own["height"]) == (None, None)
    assert planned("--dtype", "float32")["dtype"] == "float32"
    # What a library thinks of another one is nothing that the user asked for.
    assert "torchvision" not in spatialbench(*RUN, "--backbone", folder, "--dry-run").err


@pytest.mark.parametrize(
    ("class_name", "says"),
    [
        ("StableDiffusionXLImg2ImgPipeline", "starts from an image that is given"),
        ("FluxInpaintPipeline", "paints over a part of an image"),
        ("StableDiffusionControlNetPipeline", "needs an image that controls the layout"),
        ("WanPipeline", "makes videos"),
        ("HeliosPipeline", "makes videos"),
        ("ImaginaryPipeline", "expected one of StableDiffusionPipeline"),
    ],
)
def test_a_dry_run_refuses_what_makes_no_image_of_a_text(
    spatialbench: Command, tmp_path: Path, class_name: str, says: str
) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    (folder / "model_index.json").write_text(json.dumps({"_class_name": class_name}))
    outcome = spatialbench(*RUN, "--backbone", folder, *SMALL, "--dry-run")
    assert outcome.status == 2
    assert f"holds a {class_name}" in " ".join(outcome.err.split())
    assert says in " ".join(outcome.err.split())
    assert not Path("run").exists()


def test_a_unet_that_sees_another_image_is_refused(
    spatialbench: Command, tmp_path: Path, sd_folder: Path
) -> None:
    folder = tmp_path / "inpainting"
    shutil.copytree(sd_folder, folder)
    config = json.loads((folder / "unet" / "config.json").read_text())
    (folder / "unet" / "config.json").write_text(json.dumps({**config, "in_channels": 9}))
    outcome = spatialbench(*RUN, "--backbone", folder, *SMALL, "--dry-run")
    assert outcome.status == 2
    assert "takes 9 channels and not the 4 of noise" in " ".join(outcome.err.split())


def test_guided_methods_refuse_the_class_and_name_those_that_run(
    spatialbench: Command, pipelines: dict[str, tuple[Path, Any]]
) -> None:
    folder, _ = pipelines["z-image"]
    for method in ("infsplign", "attend-and-excite", "storm-corrected", "compass"):
        outcome = spatialbench(
            "run", "--method", method, "--bench", "visor", "--backbone", folder, "--dry-run"
        )
        assert outcome.status == 2
        said = " ".join(outcome.err.split())
        assert "a ZImagePipeline model" in said
        if method != "compass":
            assert "it acts on the attention of Stable Diffusion, SD3 and FLUX" in said
        assert re.search(r"on ZImagePipeline run .*\bsd\b", said)


def _pipeline(call: Any, **members: Any) -> Any:
    """An object of a class of the user's own with this call."""
    from diffusers import DiffusionPipeline

    return type("Mine", (DiffusionPipeline,), {"__call__": call, **members})()


def test_objects_of_other_kinds_are_refused_before_the_first_image() -> None:
    import torch
    from diffusers import StableDiffusionXLControlNetPipeline, StableDiffusionXLImg2ImgPipeline

    def none(self: Any, prompt: str) -> Any: ...

    def one(self: Any, prompt: list[str], generator: torch.Generator | None = None) -> Any: ...

    def picture(self: Any, prompt: str, image: Any, generator: list[torch.Generator]) -> Any: ...

    def textless(self: Any, generator: list[torch.Generator]) -> Any: ...

    for call, says in (
        (none, "takes no list of generators"),
        (one, "takes no list of generators"),
        (picture, "starts from an image"),
        (textless, "takes no prompt"),
    ):
        with pytest.raises(UserError, match=says):
            api.evaluate(_pipeline(call), "visor", limit=2, out="x", progress=False)
    for kind, says in (
        (StableDiffusionXLImg2ImgPipeline, "starts from an image"),
        (StableDiffusionXLControlNetPipeline, "controls the layout"),
    ):
        pipe = kind.__new__(kind)
        with pytest.raises(UserError, match=says):
            api.evaluate(pipe, "visor", limit=2, out="x", progress=False)
    assert not Path("x").exists()


def test_a_class_of_ones_own_is_called_as_it_is(tmp_path: Path) -> None:
    import torch
    from diffusers.utils import BaseOutput
    from PIL import Image

    class Drawn(BaseOutput):
        images: list[Any]

    def call(
        self: Any,
        prompt: list[str],
        generator: torch.Generator | list[torch.Generator] | None = None,
        height: int = 32,
        width: int = 32,
        strength_of_colour: float = 0.5,
    ) -> Any:
        assert isinstance(generator, list)
        seeds = [one.initial_seed() % 256 for one in generator]
        return Drawn(images=[Image.new("RGB", (width, height), (seed, 0, 0)) for seed in seeds])

    pipe = _pipeline(call)
    out = tmp_path / "mine"
    options: dict[str, Any] = {
        "limit": 2,
        "images_per_prompt": 1,
        "detector": "lab-owlvit",
        "threshold": 0.01,
        "out": out,
    }
    run = api.evaluate(pipe, "visor", name="mine", progress=False, **options)
    assert run.summary is not None
    assert all(image.shape == (32, 32, 3) for image in _images(out).values())
    told = json.loads((out / "manifest.json").read_text())["identity"]["generator"]
    assert told["marks"] == ["unpinned"]
    assert told["call"] == {"strength_of_colour": 0.5}


def test_doctor_compares_an_image_alone_with_the_same_in_a_batch(
    spatialbench: Command, pipelines: dict[str, tuple[Path, Any]]
) -> None:
    small = ("--width", 32, "--height", 32, "--device", "cpu", "--format", "json")
    found = {}
    for name, (folder, _) in pipelines.items():
        outcome = spatialbench("doctor", "--backbone", folder, *small)
        assert outcome.status == 0, outcome.err
        found[name] = json.loads(outcome.out)
        assert [finding["what"] for finding in found[name]] == [f"backbone {folder}, batches"]
    assert found["z-image"][0]["state"] == "ok"
    assert "is rounding" in found["z-image"][0]["detail"]
    assert found["cogview4"][0]["state"] == "warning"
    assert "runs make one at a time" in found["cogview4"][0]["detail"]
    outcome = spatialbench("doctor", "--backbone", "nowhere/", *small)
    assert outcome.status == 2
    outcome = spatialbench("doctor", "--width", 32)
    assert outcome.status == 2
    assert "add --backbone" in outcome.err
