"""The package of examples/squares, one plug-in of every kind: by verbs, Python, shards and Ray."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import spatialbench as api
from spatialbench import plugins
from tests.cli.conftest import Command
from tests.cli.conftest import spatialbench as spatialbench

EVERYTHING = ("--method", "painter", "--bench", "squares", "--prompt-transform", "photo")
SMALL = (*EVERYTHING, "--limit", "6")
NAMES: dict[plugins.Kind, str] = {
    "method": "painter",
    "backbone": "borrowed",
    "detector": "colour-blobs",
    "judge": "pixel-judge",
    "benchmark": "squares",
    "rule": "far-apart",
    "prompt transform": "photo",
}


def images(run: Path) -> dict[str, bytes]:
    """The images of a run, by name."""
    folder = run / "images"
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.png")}


@pytest.fixture
def whole(spatialbench: Command, tmp_path: Path) -> Path:
    """A run in one process."""
    assert spatialbench("run", *SMALL, "--out", "whole").status == 0
    return tmp_path / "whole"


def test_it_has_one_of_every_kind(spatialbench: Command) -> None:
    assert set(NAMES) == set(plugins.KINDS)
    for kind, name in NAMES.items():
        assert plugins.load(kind, name).name == name
    listed = json.loads(spatialbench("list", "--format", "json").out)
    names = {kind: {entry["name"] for entry in entries} for kind, entries in listed.items()}
    for kind, name in NAMES.items():
        assert name in names[f"{kind.replace(' ', '-')}s"], kind
    assert "squares" in names["layouts"]


def test_from_the_command_line(spatialbench: Command, whole: Path) -> None:
    sent = [json.loads(line) for line in (whole / "prompts.jsonl").read_text().splitlines()]
    assert {line["prompt_sent"] for line in sent} == {
        f"a photo of {line['prompt_original']}" for line in sent
    }
    # Both squares of the painter are 32 pixels apart on an image of 64: 0.35 of its diagonal.
    for gap, percent in ((0.3, 100.0), (0.4, 0.0)):
        scored = spatialbench("score", whole, "--rule", f"far-apart:gap={gap}", "--format", "json")
        summary = json.loads(scored.out)
        assert summary["rule"] == f"far-apart/1+gap:{gap}"
        assert summary["metrics"]["FAR"] == percent
    asked = spatialbench("detect", whole, "--judge", "pixel-judge", "--rule", "asked")
    assert asked.status == 0, asked.err
    assert "squares-asked/1" in spatialbench("score", whole, "--rule", "asked", "--signature").out


@pytest.mark.parametrize("kind", ["detector", "judge"])
def test_doctor_finds_nothing_broken(
    spatialbench: Command, kind: plugins.Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The images it shows have none of their names, which is no fault of theirs."""
    monkeypatch.setenv("SPATIALBENCH_CACHE", str(tmp_path / "cache"))
    for words in ((), ("--record-canary",)):
        outcome = spatialbench("doctor", f"--{kind}", NAMES[kind], *words, "--format", "json")
        assert outcome.status == 0, outcome.err
        found = json.loads(outcome.out)
        refused = [one for one in found if "gives no answer about" in one["detail"]]
        assert len(refused) == (len(words) + 1 if kind == "detector" else 0)
        assert {one["state"] for one in refused} <= {"warning"}


def test_its_layout_goes_out_and_in_again(spatialbench: Command, whole: Path) -> None:
    assert spatialbench("export", whole, "--layout", "squares", "--out", "theirs").status == 0
    assert {path.parent.name for path in Path("theirs").rglob("*.png")} <= {
        *("left", "right", "above", "below")
    }
    words = ("import", "theirs", "--layout", "squares", "--bench", "squares", "--limit", "6")
    back = spatialbench(*words, "--name", "mine", "--out", "back")
    assert back.status == 0, back.err
    assert images(Path("back")) == images(whole)


def test_from_python(whole: Path, tmp_path: Path) -> None:
    run = api.evaluate(
        "painter",
        "squares",
        prompt_transform="photo",
        limit=6,
        rule="far-apart",
        out=tmp_path / "python",
        progress=False,
    )
    assert run.metrics["FAR"].value == 100.0
    assert len(run.frame()) == 12
    assert images(tmp_path / "python") == images(whole)


def test_in_two_shards(spatialbench: Command, whole: Path) -> None:
    for shard in ("2/2", "1/2"):
        assert spatialbench("run", *SMALL, "--out", "parts", "--shard", shard).status == 0
    again = spatialbench("run", *SMALL, "--out", "parts", "--format", "json")
    assert json.loads(again.out)["images"] == 12
    assert images(Path("parts")) == images(whole)


def test_with_ray(spatialbench: Command, whole: Path, plugin_folder: Path) -> None:
    pytest.importorskip("ray", reason='Ray is not installed: pip install "spatialbench[ray]"')
    root = Path(__file__).parents[2]
    paths = os.pathsep.join([str(root), str(plugin_folder)])
    words = [sys.executable, "-m", "spatialbench", "run", *SMALL, "--out", "ray"]
    subprocess.run(
        [*words, "--batch-size", "4", "--executor", "ray", "--workers", "2"],
        check=True,
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
    )
    assert images(Path("ray")) == images(whole)
