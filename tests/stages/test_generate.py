"""The generate stage."""

from __future__ import annotations

import errno
import hashlib
import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spatialbench.errors import UserError
from spatialbench.executors.local import LocalExecutor
from spatialbench.runs.selection import Selection
from spatialbench.stages.generate import generate
from spatialbench.stages.open_images import decode_png, encode_png
from tests.stages.fakes import Log, Painter, Shapes, open_shapes, snapshot


def make(folder: Path, painter: Painter | None = None, limit: int | None = None) -> Log:
    log = Log()
    painter = painter or Painter()
    run = open_shapes(folder, Shapes(), painter, Selection(limit))
    generate(run, painter, 5, LocalExecutor(), log)
    return log


def test_files_and_records(tmp_path: Path) -> None:
    log = make(tmp_path)
    run = open_shapes(tmp_path)
    assert log.begun == [("generate", 0, 24)]
    assert log.advanced == 24
    records = list(run.directory.image_journal.records(log.notice))
    assert [(r["prompt_id"], r["index"]) for r in records] == run.expected.keys()
    for record in records:
        content = (
            tmp_path / "images" / record["prompt_id"] / f"{record['index']}.png"
        ).read_bytes()
        assert len(content) == record["bytes"]
        assert hashlib.sha256(content).hexdigest() == record["sha256"]
        assert record["seed"] == 42 + record["index"]
    assert log.notices == []


def test_a_complete_run_loads_nothing_and_writes_nothing(tmp_path: Path) -> None:
    make(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.*")}
    painter = Painter()
    log = make(tmp_path, painter)
    assert painter.loads == 0
    assert log.begun == [("generate", 24, 24)]
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.*")}


def test_a_larger_limit_continues_the_same_directory(tmp_path: Path) -> None:
    make(tmp_path / "at once")
    # Whole batches of five, two images per prompt: a cut batch would be another composition.
    for limit in (5, 2, 10, None):
        make(tmp_path / "in steps", limit=limit)
    assert snapshot(tmp_path / "in steps") == snapshot(tmp_path / "at once")


@pytest.mark.parametrize("damage", ["truncated", "gone"])
def test_a_damaged_image_is_made_again_and_said(tmp_path: Path, damage: str) -> None:
    make(tmp_path)
    whole = snapshot(tmp_path)
    path = tmp_path / "images" / "3" / "1.png"
    if damage == "truncated":
        path.write_bytes(path.read_bytes()[:40])
    else:
        path.unlink()
    log = make(tmp_path)
    assert log.begun == [("generate", 23, 24)]
    assert log.notices == ["1 finished image(s) are gone or truncated and count as missing: 3/1."]
    assert snapshot(tmp_path) == whole


def test_out_of_memory_halves_the_batch_and_not_the_run(tmp_path: Path) -> None:
    log = make(tmp_path, Painter(fits=2))
    assert log.advanced == 24
    assert open_shapes(tmp_path).manifest.id == open_shapes(tmp_path / "other").manifest.id
    with pytest.raises(UserError, match="out of memory with a single image"):
        make(tmp_path / "third", Painter(fits=0))


@pytest.mark.parametrize(
    ("code", "advice"), [(errno.ENOSPC, "the disk is full"), (errno.EACCES, "no permission")]
)
def test_a_refusing_disk_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, advice: str
) -> None:
    make(tmp_path / "whole")
    calls = iter(range(1000))

    def refuse(handle: int) -> None:
        if next(calls) > 12:
            raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        with pytest.raises(UserError, match=advice):
            make(tmp_path / "run")
    run = open_shapes(tmp_path / "run")
    assert 3 <= len(run.directory.finished_images(lambda text: None)) < 24
    make(tmp_path / "run")
    assert snapshot(tmp_path / "run") == snapshot(tmp_path / "whole")


def test_png_holds_the_pixels_and_nothing_else() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (8, 9, 3), dtype=np.uint8)
    plain, laden = Image.fromarray(pixels), Image.fromarray(pixels)
    laden.info = {"dpi": (300, 300), "icc_profile": b"profile", "transparency": (0, 0, 0)}
    content = encode_png(plain)
    assert encode_png(laden) == content
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(content))), pixels)
    decoded = decode_png(content, hashlib.sha256(content).hexdigest())
    assert decoded is not None
    assert np.array_equal(np.asarray(decoded), pixels)
    with pytest.raises(ValueError, match="mode L; expected RGB"):
        encode_png(plain.convert("L"))


def test_bytes_that_are_no_png_are_unreadable() -> None:
    content = encode_png(Image.new("RGB", (8, 8)))
    for broken in (content[:-30], b"", b"not a png", content[:30] + bytes(9) + content[39:]):
        assert decode_png(broken, hashlib.sha256(broken).hexdigest()) is None
    assert decode_png(content, "0" * 64) is None
