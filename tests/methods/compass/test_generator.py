"""The three methods of CoMPaSS: which UNet is loaded, whether TENOR is on, and what is refused."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from spatialbench.errors import UserError
from spatialbench.methods.compass import COMPASS, TENOR, WITHOUT_TENOR
from spatialbench.methods.stable_diffusion import PLUGIN as SD
from spatialbench.plugins import GenerationSettings, ImageRequest
from spatialbench.prompts import Prompt
from tests.tiny_models import edit_json, save_pipeline, sharpened, tiny_sd


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_pipeline(sharpened(tiny_sd()), tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training output as the authors' is: ``checkpoint-24000/unet``, other weights."""
    root = tmp_path_factory.mktemp("tuned")
    pipe = sharpened(tiny_sd())
    torch.manual_seed(5)
    with torch.no_grad():
        for parameter in pipe.unet.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    pipe.unet.save_pretrained(root / "checkpoint-24000" / "unet")
    return root


def requests_of(prompts: list[Prompt]) -> list[ImageRequest]:
    return [ImageRequest(prompt, 0, seed=42 + i) for i, prompt in enumerate(prompts)]


def images(plugin: Any, base: Path, prompts: list[Prompt], **given: Any) -> list[bytes]:
    settings = GenerationSettings(backbone=str(base), steps=2, scheduler="ddim")
    made = plugin.configure(settings, given).generate(requests_of(prompts))
    return [image.tobytes() for image in made]


def test_weights_and_tenor_each_change_the_image(
    base: Path, tuned: Path, mixed: list[Prompt], tmp_path: Path
) -> None:
    both = images(COMPASS, base, mixed[:1], unet=str(tuned))
    weights = images(WITHOUT_TENOR, base, mixed[:1], unet=str(tuned))
    order = images(TENOR, base, mixed[:1])
    stock = images(SD, base, mixed[:1])
    assert len({*both, *weights, *order, *stock}) == 4
    # The weights alone are the stock pipeline with that UNet in it.
    whole = shutil.copytree(base, tmp_path / "whole")
    shutil.rmtree(whole / "unet")
    shutil.copytree(tuned / "checkpoint-24000" / "unet", whole / "unet")
    assert images(SD, whole, mixed[:1]) == weights


def test_batch_mates_change_nothing_beyond_rounding(
    base: Path, tuned: Path, mixed: list[Prompt]
) -> None:
    settings = GenerationSettings(backbone=str(base), steps=2)
    generator = COMPASS.configure(settings, {"unet": str(tuned)})
    together = generator.generate(requests_of(mixed))
    (alone,) = generator.generate(requests_of(mixed)[1:2])
    assert np.abs(np.asarray(together[1], int) - np.asarray(alone, int)).max() <= 1


def test_identities_tell_the_three_apart(base: Path, tuned: Path, tmp_path: Path) -> None:
    settings = GenerationSettings(backbone=str(base))
    rows = [
        COMPASS.configure(settings, {"unet": str(tuned)}).identity(),
        WITHOUT_TENOR.configure(settings, {"unet": str(tuned)}).identity(),
        TENOR.configure(settings, {}).identity(),
    ]
    assert [row["method"] for row in rows] == ["compass", "compass-without-tenor", "tenor"]
    assert [row["tenor"] for row in rows] == [True, False, True]
    assert rows[0]["unet"] == rows[1]["unet"]
    assert "unet" not in rows[2]
    copy = shutil.copytree(tuned, tmp_path / "copy")
    moved = COMPASS.configure(settings, {"unet": str(copy)}).identity()
    assert moved == rows[0], "where a folder lies is no part of it"


def test_a_pinned_repository_and_the_training_size() -> None:
    commit = "a" * 40
    given = {"unet": f"blurgy/CoMPaSS-SD2.1@{commit}", "subfolder": "checkpoint-80500/unet"}
    identity = COMPASS.configure(GenerationSettings(backbone="sd2.1"), given).identity()
    assert identity["unet"] == {
        "name": "blurgy/CoMPaSS-SD2.1@aaaaaaa",
        "source": "blurgy/CoMPaSS-SD2.1",
        "revision": commit,
        "subfolder": "checkpoint-80500/unet",
    }
    assert (identity["width"], identity["height"]) == (512, 512)
    own = TENOR.configure(GenerationSettings(backbone="sd2.1"), {}).identity()
    assert own["width"] == 768


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, r"compass needs a UNet .* --set unet=blurgy/CoMPaSS-SD1.4@<40-hex commit>"),
        ({"unet": "nowhere"}, "there is no UNet 'nowhere'"),
        ({"unet": "blurgy/CoMPaSS-SD1.4"}, "is not pinned"),
        ({"unet": "./nowhere"}, "there is no UNet './nowhere'"),
        ({"tenor": "yes"}, "unknown parameter of compass 'tenor'"),
    ],
)
def test_refusals(given: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        COMPASS.configure(GenerationSettings(backbone="sd1.4"), given)


def test_a_folder_that_holds_none_or_several(base: Path, tuned: Path, tmp_path: Path) -> None:
    settings = GenerationSettings(backbone=str(base))
    with pytest.raises(UserError, match=r"holds no UNet"):
        COMPASS.configure(settings, {"unet": str(base / "vae")}).identity()
    two = shutil.copytree(tuned, tmp_path / "two")
    shutil.copytree(two / "checkpoint-24000", two / "checkpoint-8000")
    with pytest.raises(UserError, match=r"2 UNets .* --set subfolder=checkpoint-24000/unet"):
        COMPASS.configure(settings, {"unet": str(two)}).identity()
    chosen = {"unet": str(two), "subfolder": "checkpoint-8000/unet"}
    assert COMPASS.configure(settings, chosen).identity()["unet"]["weights"]


def test_a_unet_of_another_kind(base: Path, tuned: Path, tmp_path: Path) -> None:
    other = shutil.copytree(tuned, tmp_path / "other")
    edit_json(other / "checkpoint-24000" / "unet" / "config.json", cross_attention_dim=24)
    generator = COMPASS.configure(GenerationSettings(backbone=str(base)), {"unet": str(other)})
    with pytest.raises(UserError, match=r"has cross_attention_dim=24 and the backbone needs 32"):
        generator.load()
