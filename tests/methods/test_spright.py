"""SPRIGHT's checkpoint is loaded whole, and nothing else runs under its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from spatialbench.errors import UserError
from spatialbench.methods.spright import PLUGIN
from spatialbench.methods.stable_diffusion import PLUGIN as SD
from spatialbench.plugins import GenerationSettings, ImageRequest
from spatialbench.prompts import Prompt
from tests.hub_server import Hub


def test_a_copy_of_the_checkpoint_is_sampled_like_any_model(velocity_folder: Path) -> None:
    settings = GenerationSettings(backbone=str(velocity_folder), steps=2)
    request = ImageRequest(Prompt("1", "a dog above a cat", "above"), 0, seed=42)
    (ours,) = PLUGIN.configure(settings, {}).generate([request])
    (stock,) = SD.configure(settings, {}).generate([request])
    assert ours.tobytes() == stock.tobytes()
    identity = PLUGIN.configure(settings, {}).identity()
    assert identity["method"] == "spright"
    assert identity["backbone"] == SD.configure(settings, {}).identity()["backbone"]


def test_a_pinned_commit_keeps_the_checkpoints_own_size() -> None:
    commit = "b" * 40
    settings = GenerationSettings(backbone=f"SPRIGHT-T2I/spright-t2i-sd2@{commit}")
    identity = PLUGIN.configure(settings, {}).identity()
    assert identity["backbone"]["revision"] == commit
    assert (identity["width"], identity["scheduler"]["name"]) == (None, "own")


@pytest.mark.parametrize("backbone", ["lab", "sd2.1", "org/other@" + "c" * 40, "nowhere"])
def test_other_backbones_are_refused(
    backbone: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lab").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"whole checkpoint.*--backbone SPRIGHT-T2I/spright-t2i"):
        PLUGIN.configure(GenerationSettings(backbone=backbone), {})


def test_without_a_commit_it_is_the_newest(hub: Hub, sd_folder: Path) -> None:
    commit = hub.put("SPRIGHT-T2I/spright-t2i-sd2", sd_folder)
    settings = GenerationSettings(backbone="SPRIGHT-T2I/spright-t2i-sd2")
    assert PLUGIN.configure(settings, {}).identity()["backbone"]["revision"] == commit
    with pytest.raises(UserError, match="is not pinned"):
        PLUGIN.configure(GenerationSettings(backbone="SPRIGHT-T2I/spright-t2i-sd2@main"), {})
