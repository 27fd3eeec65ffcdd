"""REVISION: guides from both sources, the repainting against diffusers, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from spatialbench.errors import UserError
from spatialbench.methods.revision import PLUGIN
from spatialbench.methods.revision.guides import FolderGuides, LabGuides, file_names
from spatialbench.plugins import GenerationSettings, ImageRequest
from spatialbench.prompts import Prompt, Triplet
from spatialbench.relations import Relation
from tests.methods.batches import assert_same_but_for_rounding
from tests.tiny_models import save_pipeline, sharpened, tiny_sd, tiny_sdxl


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_pipeline(sharpened(tiny_sd()), tmp_path_factory.mktemp("sd"))


@pytest.fixture
def guides(tmp_path: Path, mixed: list[Prompt]) -> Path:
    """One image a prompt, each named in another way."""
    target = tmp_path / "guides"
    target.mkdir()
    rng = np.random.default_rng(0)
    for prompt, name in zip(mixed, (0, 2, 3), strict=True):
        pixels = rng.integers(0, 256, (40, 48, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(target / f"{file_names(prompt)[name]}.png")
    return target


def requests_of(prompts: list[Prompt]) -> list[ImageRequest]:
    return [ImageRequest(prompt, 0, seed=42 + i) for i, prompt in enumerate(prompts)]


def settings(folder: Path, **given: Any) -> GenerationSettings:
    return GenerationSettings(backbone=str(folder), **{"steps": 5, "scheduler": "ddim", **given})


@pytest.mark.parametrize("kind", [tiny_sd, tiny_sdxl], ids=["sd", "sdxl"])
def test_equals_the_image_to_image_pipeline_of_diffusers(
    kind: Any, guides: Path, mixed: list[Prompt], tmp_path: Path
) -> None:
    import torch
    from diffusers import AutoPipelineForImage2Image, DDIMScheduler

    folder = save_pipeline(sharpened(kind()), tmp_path / "model")
    request = requests_of(mixed)[0]
    given = {"guides": str(guides), "strength": 0.6}
    (ours,) = PLUGIN.configure(settings(folder), given).generate([request])
    pipe = AutoPipelineForImage2Image.from_pretrained(folder)
    pipe.set_progress_bar_config(disable=True)
    pipe.scheduler = DDIMScheduler.from_config(pipe.scheduler.config, clip_sample=False)
    guide = Image.open(guides / "10.png").resize((32, 32), Image.Resampling.LANCZOS)
    theirs = pipe(
        request.prompt.text,
        image=guide,
        strength=0.6,
        num_inference_steps=5,
        guidance_scale=7.5,
        generator=torch.Generator().manual_seed(42),
    ).images[0]
    assert_same_but_for_rounding(ours, theirs)


def test_batch_mates_change_nothing_beyond_rounding(
    folder: Path, guides: Path, mixed: list[Prompt]
) -> None:
    generator = PLUGIN.configure(settings(folder), {"guides": str(guides)})
    together = generator.generate(requests_of(mixed))
    assert len({drawn_image.tobytes() for drawn_image in together}) == 3
    for drawn_image, request in zip(together, requests_of(mixed), strict=True):
        (alone,) = generator.generate([request])
        assert np.abs(np.asarray(drawn_image, int) - np.asarray(alone, int)).max() <= 1
    assert generator.generate([]) == []


def test_a_weaker_repainting_stays_closer_to_the_guide(
    folder: Path, guides: Path, mixed: list[Prompt]
) -> None:
    """At the least strength the image is near what the autoencoder makes of the guide."""
    made = {}
    for strength in (0.2, 1.0):
        given = {"guides": str(guides), "strength": strength}
        (drawn_image,) = PLUGIN.configure(settings(folder), given).generate(requests_of(mixed)[:1])
        made[strength] = np.asarray(drawn_image, int)
    assert np.abs(made[0.2] - made[1.0]).max() > 10


@pytest.mark.parametrize("relation", ["left", "right", "above", "below"])
def test_the_lab_draws_what_the_prompt_asks(relation: str) -> None:
    from spatialbench.lab.pictograms import PICTOGRAMS, render

    prompt = Prompt(
        "3", f"a car {relation} a dog", relation, Triplet("car", Relation(relation), "dog")
    )
    guides = LabGuides()
    drawn = [guides.guide(ImageRequest(prompt, k, seed=k)) for k in range(3)]
    assert len({drawn_image.tobytes() for drawn_image in drawn}) == 3
    assert drawn[0].tobytes() == guides.guide(ImageRequest(prompt, 7, seed=0)).tobytes()
    for drawn_image in drawn[:1]:
        assert (drawn_image.mode, drawn_image.size) == ("RGB", (64, 64))
        (ax, ay), (bx, by) = (
            _best_place(np.asarray(drawn_image, float), PICTOGRAMS[name], render)
            for name in ("car", "dog")
        )
        holds = {"left": ax < bx, "right": ax > bx, "above": ay < by, "below": ay > by}
        assert holds[relation]


def _best_place(drawn_image: np.ndarray, drawing: Any, render: Any) -> tuple[float, float]:
    """Where a pictogram of any size, mirrored or not, fits the image best: its centre."""
    best = (np.inf, 0.0, 0.0)
    for size in (18, 22, 26):
        rgba = np.asarray(render(drawing, size), float)
        for sprite in (rgba, rgba[:, ::-1]):
            solid = sprite[..., 3] > 250
            colour = sprite[..., :3][solid]
            for y in range(0, 64 - size + 1, 2):
                for x in range(0, 64 - size + 1, 2):
                    off = np.abs(drawn_image[y : y + size, x : x + size][solid] - colour).mean()
                    if off < best[0]:
                        best = (off, x + size / 2, y + size / 2)
    return best[1], best[2]


def test_the_lab_draws_single_objects_and_benchmark_names() -> None:
    one = Prompt("1", "a photo of a dog", "single", objects=("dog",))
    mouse = Prompt(
        "2", "a photo of a computer mouse and a dog", "two", objects=("computer mouse", "dog")
    )
    girl = Prompt(
        "3",
        "a woman next to a dog",
        "near",
        Triplet("woman", Relation.NEAR, "dog"),
        objects=("woman", "dog"),
    )
    for prompt in (one, mouse, girl):
        assert LabGuides().guide(ImageRequest(prompt, 0, seed=1)).size == (64, 64)


def test_guides_that_are_not_there(folder: Path, guides: Path, pair: Any, tmp_path: Path) -> None:
    generator = PLUGIN.configure(settings(folder), {"guides": str(guides)})
    missing = pair("dog", "below", "cat", "77")
    with pytest.raises(
        UserError, match=r"no guide for prompt 77 .* 77\.png, a_dog_below_a_cat\.png"
    ):
        generator.generate(requests_of([missing]))
    (guides / "77.png").write_bytes(b"not an image")
    with pytest.raises(UserError, match=r"77\.png is not a readable image"):
        generator.generate(requests_of([missing]))
    Image.new("1", (10_000, 10_000)).save(guides / "77.png")
    with pytest.raises(UserError, match=r"77\.png is not a readable image \(10000 x 10000 pixels"):
        generator.generate(requests_of([missing]))
    with pytest.raises(UserError, match="no folder of guides"):
        PLUGIN.configure(settings(folder), {"guides": str(tmp_path / "nowhere")})
    lab = PLUGIN.configure(settings(folder), {})
    with pytest.raises(UserError, match="prompt 77 asks for 'behind', which the lab's flat world"):
        lab.generate(requests_of([pair("dog", "behind", "cat", "77")]))
    with pytest.raises(UserError, match=r"cannot draw a guide for prompt 77"):
        lab.generate(requests_of([pair("dragon", "above", "cat", "77")]))


@pytest.mark.parametrize("strength", [0, 1.5, 0.1, -1])
def test_a_strength_that_repaints_nothing_or_too_much(folder: Path, strength: float) -> None:
    with pytest.raises(UserError, match="repaints nothing in 5 steps, or more than all"):
        PLUGIN.configure(settings(folder), {"strength": strength})


def test_identity_marks_the_class_and_hashes_the_guides(
    folder: Path, guides: Path, tmp_path: Path
) -> None:
    drawn = PLUGIN.configure(GenerationSettings(), {}).identity()
    assert drawn["marks"] == ["layout-conditioned", "reconstruction"]
    assert drawn["guides"] == {"name": "lab", "version": 1}
    assert drawn["parameters"] == {"strength": 0.7}
    given = PLUGIN.configure(settings(folder), {"guides": str(guides)}).identity()
    assert given["marks"] == ["layout-conditioned"]
    json.dumps(given)
    Image.new("RGB", (8, 8)).save(guides / "10.png")
    assert FolderGuides(guides).identity() != given["guides"]


def test_the_guidance_is_that_of_the_authors_sample() -> None:
    def guidance(**settings: Any) -> Any:
        made = PLUGIN.configure(GenerationSettings(**settings), {})
        return made.identity()["guidance_scale"]

    assert guidance(backbone="sdxl") == guidance(backbone="sd1.4") == 7.5
    assert guidance(backbone="sdxl", guidance_scale=5.0) == 5
    assert guidance(backbone="lab") == 3


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_a_guide_with_an_orientation_is_turned(
    tmp_path: Path, mixed: list[Prompt], form: str
) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / f"{mixed[0].id}.{'png' if form == 'PNG' else 'jpg'}"
    Image.fromarray(pixels).save(path, form, exif=exif)
    with Image.open(path) as given:
        upright = given.convert("RGB").transpose(Image.Transpose.ROTATE_270)
    guide = FolderGuides(tmp_path).guide(requests_of(mixed)[0])
    assert (guide.size, guide.tobytes()) == ((4, 6), upright.tobytes())
    # Version 0.1 drew from it as it lies, so that this is another method.
    turned = FolderGuides(tmp_path).identity()
    assert turned["reading"] == 2
    path.unlink()
    Image.fromarray(pixels).save(path, form)
    assert "reading" not in FolderGuides(tmp_path).identity()


def test_a_guide_of_sixteen_bits_of_grey(tmp_path: Path, mixed: list[Prompt]) -> None:
    values = np.array([[0, 256, 65535]], dtype=np.uint16)
    Image.fromarray(values).save(tmp_path / f"{mixed[0].id}.png")
    guide = FolderGuides(tmp_path).guide(requests_of(mixed)[0])
    assert np.asarray(guide)[0, :, 0].tolist() == [0, 1, 255]
