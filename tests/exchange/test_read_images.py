"""Imported images are a run like any other, with their bytes and where they came from."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from spatialbench.errors import UserError
from spatialbench.exchange import sources
from spatialbench.exchange.layouts import place
from spatialbench.exchange.matching import match
from spatialbench.exchange.matching_report import matching_report
from spatialbench.exchange.read_images import import_images
from spatialbench.exchange.sources import open_source
from spatialbench.exchange.target import Target
from spatialbench.runs.imported import Imported
from spatialbench.runs.opening import Run, open_existing
from spatialbench.runs.progress import Silent
from spatialbench.runs.seeds import SeedScheme
from spatialbench.runs.selection import Selection
from spatialbench.runs.status import status

from ..stages.fakes import Finder
from .folders import SHAPES, expected, image_bytes, names, write_folder


def _import(folder: Path, out: Path, seeds: str = "unknown") -> Run:
    source = open_source(folder)
    report = match(source, place("visor", source, names()), expected())
    target = Target(SHAPES, "all", Selection(), SeedScheme.parse(seeds), out=out)
    method = Imported("theirs", "unknown", "visor", report.content)
    return import_images(source, report, target, method, Silent())


def test_bytes_and_provenance_are_kept(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "f", "visor")
    (folder / "2_1.png").unlink()
    (folder / "2_1.jpg").write_bytes(image_bytes(5, "JPEG"))
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
    (folder / "0_0.png").write_bytes(image_bytes(99))
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
    (tmp_path / "f" / "a.png").write_bytes(image_bytes(1))
    with pytest.raises(UserError, match="matches an expected image"):
        _import(tmp_path / "f", tmp_path / "run")


def test_an_imported_method_draws_nothing() -> None:
    method = Imported("theirs", "sd", "visor", "0")
    with pytest.raises(UserError, match="was imported"):
        method.generate([])
    with pytest.raises(UserError, match="seeds of this run are unknown"):
        expected().request((SHAPES.prompts("all")[0].id, 0))
    assert Finder().signature() != method.identity()["method"]


def _saved(image: Image.Image, form: str, orientation: int = 1) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    image.save(buffer, form, exif=exif, lossless=True)
    return buffer.getvalue()


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("orientation", [3, 6])
def test_images_are_turned_upright_and_the_record_says_so(
    tmp_path: Path, form: str, orientation: int
) -> None:
    """In the stored file itself, so that a browser and a detector see the same."""
    folder = write_folder(tmp_path / "f", "visor")
    content = _saved(Image.open(folder / "1_0.png").resize((6, 4)), form, orientation)
    (folder / "1_0.png").unlink()
    (folder / f"1_0.{form.lower()}").write_bytes(content)
    report = match(source := open_source(folder), place("visor", source, names()), expected())
    assert report.turned == 1
    run = _import(folder, tmp_path / "run")
    records = {(r["prompt_id"], r["index"]): r for r in run.directory.image_journal.records(print)}
    assert records["1", 0]["exif_orientation"] == orientation
    assert "exif_orientation" not in records["1", 1]
    with (
        Image.open(io.BytesIO(content)) as given,
        Image.open(run.directory.image_path("1", 0)) as stored,
    ):
        assert stored.getexif().get(0x0112, 1) == 1
        upright = ImageOps.exif_transpose(given).convert("RGB")
        assert (stored.size, stored.tobytes()) == (upright.size, upright.tobytes())


def test_sixteen_bits_of_grey_are_stored_as_eight(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "f", "visor")
    values = np.array([[0, 256], [32768, 65535]], dtype=np.uint16)
    Image.fromarray(values).save(folder / "1_0.png")
    run = _import(folder, tmp_path / "run")
    with Image.open(run.directory.image_path("1", 0)) as stored:
        assert stored.mode == "RGB"
        assert np.asarray(stored)[..., 0].tolist() == [[0, 1], [128, 255]]


@pytest.mark.parametrize("colour", ["black", "white", (90, 20, 7)])
@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_images_of_one_colour_are_counted_in_the_report(
    tmp_path: Path, colour: Any, form: str
) -> None:
    folder = write_folder(tmp_path / "f", "visor")
    for name in ("1_0", "2_1"):
        (folder / f"{name}.png").unlink()
        Image.new("RGB", (8, 8), colour).save(folder / f"{name}.{form.lower()}", form)
    report = match(source := open_source(folder), place("visor", source, names()), expected())
    assert report.one_colour == [("1", 0), ("2", 1)]
    assert report.clean
    text = matching_report(report, 8).text("table")
    assert "2 images are of one colour" in text
    assert "1/0, 2/1" in text
    assert json.loads(matching_report(report, 8).text("json"))["one_colour"] == ["1/0", "2/1"]


def test_a_file_that_changes_while_it_is_imported(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "f", "visor")
    source = open_source(folder)
    report = match(source, place("visor", source, names()), expected())
    (folder / "3_1.png").write_bytes(image_bytes(99))
    target = Target(SHAPES, "all", Selection(), SeedScheme.parse("unknown"), out=tmp_path / "run")
    method = Imported("theirs", "unknown", "visor", report.content)
    with pytest.raises(UserError, match=r"3_1\.png .* changed while it was imported"):
        import_images(source, report, target, method, Silent())
    run = open_existing(tmp_path / "run", SHAPES)
    assert ("3", 1) not in run.directory.finished_images(print)


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_the_largest_file_that_is_read(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sources.LARGEST == 268_435_456
    monkeypatch.setattr(sources, "LARGEST", 100)
    (tmp_path / "f").mkdir()
    for name, size in (("a.png", 100), ("b.png", 101)):
        (tmp_path / "f" / name).write_bytes(bytes(size))
    path = tmp_path / "f"
    if kind == "zip":
        path = Path(shutil.make_archive(str(tmp_path / "g"), "zip", path))
    source = open_source(path)
    assert source.read("a.png") == bytes(100)
    with pytest.raises(UserError, match=r"'b\.png' .* is larger than"):
        source.read("b.png")
