"""Imported pictures are a run like any other, with their bytes and where they came from."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spatialbench.errors import UserError
from spatialbench.generators.imported import Imported
from spatialbench.imports.layouts import place
from spatialbench.imports.matching import match
from spatialbench.imports.pictures import import_pictures
from spatialbench.imports.sources import open_source
from spatialbench.imports.target import Target
from spatialbench.runs.opening import Run, open_existing
from spatialbench.runs.seeds import SeedScheme
from spatialbench.runs.selection import Selection
from spatialbench.runs.status import status
from spatialbench.stages.progress import Silent

from ..stages.fakes import Finder
from .folders import SHAPES, expected, names, picture, write_folder


def _import(folder: Path, out: Path, seeds: str = "unknown") -> Run:
    source = open_source(folder)
    report = match(source, place("visor", source, names()), expected())
    target = Target(SHAPES, "all", Selection(), SeedScheme.parse(seeds), out=out)
    method = Imported("theirs", "unknown", "visor", report.content)
    return import_pictures(source, report, target, method, Silent())


def test_bytes_and_provenance_are_kept(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "f", "visor")
    (folder / "2_1.png").unlink()
    (folder / "2_1.jpg").write_bytes(picture(5, "JPEG"))
    run = _import(folder, tmp_path / "run")
    records = {
        (record["prompt_id"], record["index"]): record
        for record in run.directory.image_journal.records(print)
    }
    assert len(records) == 8
    for (prompt_id, index), record in records.items():
        source = (folder / record["source"]).read_bytes()
        assert record["source"].startswith(f"{prompt_id}_{index}.")
        assert record["source_sha256"] == hashlib.sha256(source).hexdigest()
        assert record["seed"] is None
        content = run.directory.image_path(prompt_id, index).read_bytes()
        assert record["sha256"] == hashlib.sha256(content).hexdigest()
        assert (content == source) is (record["source"] != "2_1.jpg")
    with (
        Image.open(folder / "2_1.jpg") as before,
        Image.open(run.directory.image_path("2", 1)) as after,
    ):
        assert np.array_equal(np.asarray(before), np.asarray(after))
    again = open_existing(tmp_path / "run", SHAPES)
    assert status(again).images == 8
    assert str(again.expected.seeds) == "unknown"


def test_importing_again_changes_nothing_and_other_files_are_another_run(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "f", "visor")
    _import(folder, tmp_path / "run")
    path = tmp_path / "run" / "images" / "0" / "0.png"
    before = path.stat().st_mtime_ns
    _import(folder, tmp_path / "run")
    assert path.stat().st_mtime_ns == before
    (folder / "0_0.png").write_bytes(picture(99))
    with pytest.raises(UserError, match=r"generator\.content"):
        _import(folder, tmp_path / "run")


def test_known_seeds_are_recorded(tmp_path: Path) -> None:
    run = _import(write_folder(tmp_path / "f", "visor"), tmp_path / "run", "protocol")
    seeds = {
        record["index"]: record["seed"] for record in run.directory.image_journal.records(print)
    }
    assert seeds == {0: 42, 1: 43}


def test_a_folder_that_matches_nothing(tmp_path: Path) -> None:
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "a.png").write_bytes(picture(1))
    with pytest.raises(UserError, match="matches an expected picture"):
        _import(tmp_path / "f", tmp_path / "run")


def test_an_imported_method_draws_nothing() -> None:
    method = Imported("theirs", "sd", "visor", "0")
    with pytest.raises(UserError, match="was imported"):
        method.generate([])
    with pytest.raises(UserError, match="seeds of this run are unknown"):
        expected().request((SHAPES.prompts("all")[0].id, 0))
    assert Finder().signature() != method.identity()["method"]
