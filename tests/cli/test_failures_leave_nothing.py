"""A command that fails leaves the run, and everything beside it, as it found it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from spatialbench.runs.store import RunDirectory

from .conftest import Command

RUN = Path("run")
SCORE_AGAIN = ("score", RUN)


def files(folder: Path) -> dict[str, bytes | None]:
    """All files and folders, but for locks and times."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
        if path.name not in (".lock", "timing.jsonl")
    }


@pytest.fixture
def finished(spatialbench: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run that is scored, files that are none of ours, and empty caches."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path.parent / "hub"))
    monkeypatch.setenv("SPATIALBENCH_CACHE", str(tmp_path.parent / "own"))
    made = spatialbench(
        "run", "--method", "painter", "--bench", "squares", "--limit", "4", "--out", RUN
    )
    assert made.status == 0
    (tmp_path / "text.txt").write_text("text")
    record = {
        "prompt_id": "0", "index": 0, "width": 64, "height": 64,
        "boxes": [[0, 0, 9, 9]], "scores": [0.9], "labels": ["red square"],
    }  # fmt: skip
    (tmp_path / "one.jsonl").write_text(json.dumps(record) + "\n")
    (tmp_path / "linked").symlink_to("run/summary.json")
    assert spatialbench("gate", RUN, "--write", "gate.json").status == 0
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "0_0.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    return tmp_path


FAILING: dict[str, tuple[Any, ...]] = {
    "detect, no weights": ("detect", RUN, "--detector", "owlvit", "--offline"),
    "detect, no such detector": ("detect", RUN, "--detector", "owlvitt"),
    "detect, no file": ("detect", RUN, "--detector", "unidet:nowhere.pth"),
    "detect, other names": ("detect", RUN, "--detector", "mask2former", "--offline"),
    "detect, bad shard": ("detect", RUN, "--shard", "3/2"),
    "score, no such rule": ("score", RUN, "--rule", "nothing"),
    "score, no such detector": ("score", RUN, "--detector", "owlvit"),
    "score, a rule that finds no depth folder": ("score", RUN, "--rule", "esplora-r1:depth=none"),
    "score, verdicts below a file": ("score", RUN, "--rule", "pse", "--verdicts", "text.txt/v"),
    "depth, no such prompts": ("depth", RUN, "--offline"),
    "depth, no weights": ("depth", RUN, "--weights", "nowhere", "--offline"),
    "import, not images": (
        "import", "images", "--layout", "visor", "--bench", "squares", "--name", "x",
    ),
    "import, part of the detections": (
        "import", "one.jsonl", "--layout", "detections", "--bench", "squares", "--name", "x",
    ),
    "import, no results": (
        "import", "text.txt", "--layout", "results", "--bench", "squares", "--name", "x",
    ),
    "export, by another detector": (
        "export", RUN, "--layout", "detections", "--detector", "owlvit", "--out", "x.jsonl",
    ),
    "export, no such format": ("export", RUN, "--layout", "results", "--out", "x"),
    "export, below a file": ("export", RUN, "--layout", "visor", "--out", "text.txt/x"),
    "gallery, a run that is none": ("gallery", RUN, "images"),
    "gate, nothing to hold to": ("gate", RUN),
    "export, over the run's manifest": (
        "export", RUN, "--layout", "detections", "--out", "run/manifest.json",
    ),
    "export, over a link to it": ("export", RUN, "--layout", "detections", "--out", "linked"),
    "export, among the run's images": (
        "export", RUN, "--layout", "visor", "--out", "run/images/new",
    ),
    "gallery, among the run's rules": ("gallery", RUN, "--out", "run/rules"),
    "gate, over the run's verdicts": ("gate", RUN, "--write", "run/scores.parquet", "--force"),
    "gate, a report over the summary": (
        "gate", RUN, "--against", "gate.json", "--markdown", "run/summary.json",
    ),
    "gate, a report over records": (
        "gate", RUN, "--against", "gate.json", "--junit", "run/images.jsonl",
    ),
    "score, verdicts over the summary": ("score", RUN, "--verdicts", "linked"),
    "lab, a sheet over the manifest": ("lab", "draw", "run/manifest.json"),
    "gate, written below a file": ("gate", RUN, "--write", "text.txt/gate.json"),
    "compare, a run that is none": ("compare", RUN, "images"),
    "agree, no such detector": ("detectors", "agree", RUN, "colour-blobs", "owlvit"),
    "run, other settings": (
        "run", "--method", "painter", "--bench", "squares", "--set", "skill=0.1", "--out", RUN,
    ),
    "run, more images by a detector without weights": (
        "run", "--method", "painter", "--bench", "squares", "--limit", "8", "--out", RUN,
        "--detector", "owlvit", "--offline",
    ),
    "generate, a name that is none": (
        "generate", "--method", "painter", "--bench", "squares", "--only", "leftt", "--out", RUN,
    ),
    "build-data, no weights": (
        "esplora", "build-data", "--folder", "data", "--count", "4",
        "--detector", "owlvit", "--offline",
    ),
    "train, no data": ("esplora", "train", "data", "--backbone", "lab"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAILING)
def test_a_command_that_fails(spatialbench: Command, finished: Path, name: str) -> None:
    before = files(finished)
    outcome = spatialbench(*FAILING[name])
    assert outcome.status in (2, 64), outcome.err
    assert outcome.err.strip().splitlines()[-1].startswith("error: ")
    assert files(finished) == before
    assert spatialbench(*SCORE_AGAIN).status == 0
    assert files(finished) == before


PLACED: tuple[tuple[Any, ...], ...] = (
    ("runs", "mv", RUN, "{}"),
    ("export", RUN, "--layout", "squares", "--out", "{}"),
    ("export", RUN, "--layout", "detections", "--out", "{}"),
    ("export", RUN, "--layout", "every-eval-ever", "--out", "{}"),
    ("gallery", RUN, "--out", "{}"),
    ("site", RUN, "--out", "{}"),
    ("gate", RUN, "--write", "{}"),
    ("gate", RUN, "--against", "gate.json", "--junit", "{}"),
    ("gate", RUN, "--against", "gate.json", "--markdown", "{}"),
    ("score", RUN, "--verdicts", "{}"),
    ("lab", "draw", "{}", "--rows", 1),
    ("run", "--method", "painter", "--bench", "squares", "--limit", 1, "--out", "{}"),
)
"""Commands that write where the user says."""


@pytest.mark.parametrize(
    "place",
    ["/proc/y", "/proc/x/y", "text.txt/y", "loop/y", "x" * 300, "x/" * 2100, "a\0b", "pipe", ""],
    ids=["proc", "in-proc", "in-a-file", "loop", "long", "long-path", "nul", "pipe", "empty"],
)
def test_a_place_that_cannot_be_written(spatialbench: Command, finished: Path, place: str) -> None:
    if place.startswith("/proc") and not Path("/proc/self").exists():
        pytest.skip("this system has no /proc")
    Path("loop").symlink_to("loop")
    os.mkfifo("pipe")
    before = files(finished)
    for words in PLACED:
        if place == "" and words[0] == "run":
            continue  # the same as no --out
        outcome = spatialbench(*(place if word == "{}" else word for word in words))
        assert outcome.status in (2, 64), (words, outcome.err)
        assert outcome.err.strip().splitlines()[-1].startswith("error: "), words
    assert files(finished) == before
    assert Path("pipe").is_fifo()


def test_a_report_beside_the_files_of_the_run(spatialbench: Command, finished: Path) -> None:
    """Its folder is where a pipeline looks for a report, the second time too."""
    for _ in range(2):
        outcome = spatialbench("gate", RUN, "--against", "gate.json", "--junit", "run/gate.xml")
        assert outcome.status == 0, outcome.err


def test_a_corrupt_record_is_told_and_nothing_is_replaced(
    spatialbench: Command, finished: Path
) -> None:
    journal = RunDirectory(RUN).detection_journal("colour-blobs@1").path
    whole = journal.read_bytes()
    journal.write_bytes(b'{"prompt_id": 7\n' + whole)
    before = files(finished)
    for verb in ("score", "detect"):
        outcome = spatialbench(verb, RUN)
        assert outcome.status == 2
        assert str(journal) in outcome.err
        assert files(finished) == before
