"""Files that lost bytes or changed them: refused with what to type, and typing it is enough."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from spatialbench.errors import UserError
from spatialbench.reports.scored import load_scored
from spatialbench.runs.status import status
from spatialbench.stages.detect import detect
from tests.stages.fakes import Finder, Log, work

from .drills import BATCH, begin, check_nothing_half, files, give_command


@pytest.fixture
def done(tmp_path: Path) -> Path:
    give_command(tmp_path / "run")
    return tmp_path / "run"


def _forget_detections(folder: Path) -> None:
    (folder / "detections" / "finder@w1" / "detections.jsonl").unlink()


@pytest.mark.parametrize("looked_at", [True, False])
def test_a_changed_image(done: Path, whole: dict[str, bytes], looked_at: bool) -> None:
    """A flipped bit keeps the size and, here, the time; it is found by the hash."""
    path = done / "images" / "3" / "0.png"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    before = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    if not looked_at:
        _forget_detections(done)
    log = Log()
    give_command(done, log)
    assert any("1 finished image(s) have other bytes" in said for said in log.notices)
    assert files(done) == whole


@pytest.mark.parametrize("name", ["images.jsonl", "detections/finder@w1/detections.jsonl"])
def test_a_torn_last_line(done: Path, whole: dict[str, bytes], name: str) -> None:
    path = done / name
    path.write_bytes(path.read_bytes()[:-20])
    log = Log()
    give_command(done, log)
    assert f"{path.name}: the last line was torn by an interruption; dropped" in log.notices[0]
    assert files(done) == whole


@pytest.mark.parametrize("name", ["images.jsonl", "detections/finder@w1/detections.jsonl"])
def test_a_corrupt_line_in_the_middle(done: Path, whole: dict[str, bytes], name: str) -> None:
    path = done / name
    lines = path.read_bytes().splitlines(keepends=True)
    lines[2] = lines[2].replace(b'"', b"\x00", 3)
    path.write_bytes(b"".join(lines))
    with pytest.raises(UserError, match=r"line 3, is corrupt .*: delete that line"):
        give_command(done)
    path.write_bytes(b"".join(lines[:2] + lines[3:]))
    give_command(done)
    assert files(done) == whole


def test_scores_that_lost_or_changed_bytes(done: Path, whole: dict[str, bytes]) -> None:
    """Wherever they are cut or changed, what reads them says what to type, and it mends them."""
    path = done / "scores.parquet"
    sound = path.read_bytes()
    broken = [sound[:cut] for cut in range(0, len(sound), 131)]
    for place in range(4, len(sound), 97):
        changed = bytearray(sound)
        changed[place] ^= 0x20
        broken.append(bytes(changed))
    for content in broken:
        path.write_bytes(content)
        with pytest.raises(UserError, match="type 'spatialbench score "):
            load_scored(begin(done))
        give_command(done)
        assert files(done) == whole


@pytest.mark.parametrize("keep", [0, 40])
def test_a_truncated_summary(done: Path, whole: dict[str, bytes], keep: int) -> None:
    path = done / "summary.json"
    path.write_bytes(path.read_bytes()[:keep])
    assert status(begin(done)).next == f"spatialbench score {done}"
    with pytest.raises(UserError, match="type 'spatialbench score"):
        load_scored(begin(done))
    give_command(done)
    assert files(done) == whole


def test_a_changed_number_in_the_summary(done: Path, whole: dict[str, bytes]) -> None:
    path = done / "summary.json"
    summary = json.loads(path.read_bytes())
    summary["metrics"]["right"] += 1
    path.write_text(json.dumps(summary, indent=2) + "\n")
    with pytest.raises(UserError, match=r"changed after it was written.*type 'spatialbench score"):
        load_scored(begin(done))
    give_command(done)
    assert files(done) == whole


def test_a_truncated_detector_file(done: Path, whole: dict[str, bytes]) -> None:
    path = done / "detections" / "finder@w1" / "detector.json"
    path.write_bytes(path.read_bytes()[:30])
    with pytest.raises(UserError, match=r"detector\.json is damaged .*: delete it and type"):
        give_command(done)
    path.unlink()
    detect(begin(done), Finder(), BATCH, work().executor, Log())
    give_command(done)
    assert files(done) == whole


def test_an_altered_or_truncated_manifest(done: Path, whole: dict[str, bytes]) -> None:
    path = done / "manifest.json"
    sound = path.read_bytes()
    altered = json.loads(sound)
    altered["identity"]["seeds"] = "hashed"
    for content, said in (
        (sound[:200], "cannot be read"),
        (json.dumps(altered).encode(), "was altered"),
    ):
        path.write_bytes(content)
        with pytest.raises(UserError, match=said) as caught:
            give_command(done)
        assert "restore" in str(caught.value)
        path.write_bytes(sound)
        assert check_nothing_half(done) == 6
        give_command(done)
        assert files(done) == whole
