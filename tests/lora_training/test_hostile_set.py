"""A training set from a stranger: no link below it is followed, for writing or for reading."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from spatialbench.backbones.sampling import resolve_sampling
from spatialbench.errors import UserError
from spatialbench.lab.training.loop import Schedule, Training
from spatialbench.lora_training.kept_set import KeptSet, read_kept
from spatialbench.lora_training.latent_cache import _pixels
from spatialbench.lora_training.lora_settings import LoraSettings
from spatialbench.lora_training.record import RECORD, claim
from spatialbench.lora_training.training import train_lora
from spatialbench.plugins import GenerationSettings
from tests.lora_training.test_build import built, plan
from tests.tree import tree

WRITTEN = (
    "images",
    "images/000000-0.png",
    "metadata.jsonl",
    "dataset.json",
    ".metadata.jsonl.tmp",
    ".dataset.json.tmp",
    ".000000-0.png.tmp",
    "images/.000000-0.png.tmp",
    "images/stale.png",
    "run",
    "run/asked.json",
    "run/.asked.json.tmp",
    "run/images/000000",
)


def _linked(path: Path, outside: Path, kind: str) -> None:
    target = outside / "target"
    if kind == "content" and path.is_dir():
        shutil.copytree(path, target)
    elif kind == "content":
        target.write_bytes(path.read_bytes() if path.exists() else b"mine")
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    path.symlink_to(target)


def _refused(folder: Path) -> str:
    try:
        built(plan(folder, "kept", "wrong"))
    except UserError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("kind", ["content", "nothing"])
def test_building_writes_through_no_link(tmp_path: Path, kind: str) -> None:
    whole = tmp_path / "whole"
    built(plan(whole, "kept", "wrong"))
    for number, name in enumerate(WRITTEN):
        folder, outside = tmp_path / str(number), tmp_path / f"outside{number}"
        shutil.copytree(whole, folder)
        outside.mkdir()
        _linked(folder / name, outside, kind)
        before = tree(outside)
        refused = _refused(folder)
        if refused:
            assert "symbolic link" in refused or "is a file" in refused, name
        else:
            made = tree(folder)
            for path in ("images/000000-0.png", "dataset.json"):
                assert made[path][2] == tree(whole)[path][2], name
        assert tree(outside) == before, name


def test_a_disk_without_hard_links_gets_copies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(1, "no hard links here")

    built(plan(tmp_path / "linked", "kept"))
    monkeypatch.setattr(os, "link", refused)
    made, _ = built(plan(tmp_path / "copied", "kept"))
    (image,) = made.images
    assert (made.folder / image.file).stat().st_nlink == 1
    assert (made.folder / image.file).read_bytes() == (
        tmp_path / "linked" / image.file
    ).read_bytes()


@pytest.mark.parametrize("name", ["metadata.jsonl", "dataset.json", "images"])
def test_reading_follows_no_link(kept: KeptSet, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "set"
    shutil.copytree(kept.folder, folder)
    shutil.move(folder / name, tmp_path / "elsewhere")
    (folder / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="symbolic link"):
        _pixels(folder / read_kept(folder).images[0].file, folder)


@pytest.mark.parametrize("name", ["metadata.jsonl", "dataset.json", "images/0.png"])
def test_reading_waits_for_no_pipe(kept: KeptSet, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "set"
    shutil.copytree(kept.folder, folder)
    (folder / name).unlink()
    os.mkfifo(folder / name)
    with pytest.raises(UserError, match="not a regular file"):
        _pixels(folder / read_kept(folder).images[0].file, folder)


def test_a_linked_folder_for_the_lora_is_refused(kept: KeptSet, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    folder = tmp_path / "set"
    shutil.copytree(kept.folder, folder)
    (folder / "lora").symlink_to(outside)
    sampling = resolve_sampling(GenerationSettings(backbone="lab"))
    with pytest.raises(UserError, match="symbolic link"):
        train_lora(replace(kept, folder=folder), sampling, LoraSettings(), folder / "lora", print)
    assert not list(outside.iterdir())


SCHEDULE = Schedule(steps=2, learning_rate=0.1, warmup=1, checkpoint_every=1)


def _trained(folder: Path) -> None:
    module = torch.nn.Linear(1, 1)
    training = Training({"m": module}, SCHEDULE, folder, lambda line: None)
    training.run(lambda step, rng: {"x": module.weight.square().sum()})


@pytest.mark.parametrize("name", ["checkpoint.partial", ".checkpoint.pt.tmp"])
def test_a_checkpoint_is_written_through_no_link(tmp_path: Path, name: str) -> None:
    victim, folder = tmp_path / "victim", tmp_path / "lora"
    victim.write_bytes(b"mine")
    folder.mkdir()
    (folder / name).symlink_to(victim)
    _trained(folder)
    assert victim.read_bytes() == b"mine"


@pytest.mark.parametrize("what", ["link", "pipe", "cut", "folder"])
def test_a_checkpoint_that_cannot_be_read_is_said(tmp_path: Path, what: str) -> None:
    _trained(tmp_path)
    path = tmp_path / "checkpoint.pt"
    content = path.read_bytes()
    path.unlink()
    if what == "link":
        path.symlink_to(tmp_path / "nothing")
    elif what == "pipe":
        os.mkfifo(path)
    elif what == "folder":
        path.mkdir()
    else:
        path.write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=r"symbolic link|remove it"):
        _trained(tmp_path)


@pytest.mark.parametrize("target", ["nothing", "victim"])
def test_the_record_is_written_through_no_link(tmp_path: Path, target: str) -> None:
    victim, folder = tmp_path / "victim", tmp_path / "lora"
    victim.write_text("{}")
    folder.mkdir()
    (folder / RECORD).symlink_to(tmp_path / target)
    with pytest.raises(UserError, match="symbolic link"):
        claim(folder, {"version": 1})
    assert victim.read_text() == "{}"
    assert not (tmp_path / "nothing").exists()
