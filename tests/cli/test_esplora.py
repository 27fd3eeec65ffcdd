"""``esplora build-data`` and ``train`` on the lab, and what they refuse before loading a model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.cli.json_schemas import fits

COLOURS = ("red square", "green square", "blue square", "yellow square")
"""What the stranger's plug-ins paint and find."""


def test_from_prompts_to_a_lora_that_draws(spatialbench: Command, tmp_path: Path) -> None:
    painted = ("--method", "painter", "--set", "skill=0.5", "--detector", "colour-blobs")
    made = spatialbench(
        *("esplora", "build-data", "--folder", "set", "--objects", ",".join(COLOURS)),
        *("--count", "40", *painted, "--format", "json"),
    )
    assert made.status == 0, made.err
    said = fits("training-set", json.loads(made.out))
    assert (said["images"], len(said["outcomes"])) == (40, 4)
    wrong = sum(counts["relation wrong"] for counts in said["outcomes"].values())
    assert said["kept"] + wrong == 40
    assert 10 < said["kept"] < 30, "the painter is right half of the time"
    assert said["kept"] == len(list((tmp_path / "set" / "images").iterdir()))
    none = (*painted, "--folder", "none", "--objects", ",".join(COLOURS), "--count", "4")
    refused = spatialbench("esplora", "build-data", *none, "--threshold", "0.95")
    assert refused.status == 2
    assert "none of the 4 images passed" in refused.err
    assert "4 (100.0 %)" in refused.err
    small = ("--rank", "2", "--steps", "2", "--batch-size", "2")
    trained = spatialbench("esplora", "train", "set", *small)
    assert trained.status == 0, trained.err
    file = Path(trained.out.strip())
    drawn = spatialbench(
        *("generate", "--method", "esplora", "--set", f"lora={file}", "--bench", "visor"),
        *("--limit", "1", "--images-per-prompt", "1", "--steps", "2", "--out", "run"),
    )
    assert drawn.status == 0, drawn.err
    assert len(list((tmp_path / "run" / "images").rglob("*.png"))) == 1
    other = spatialbench("esplora", "train", "set", *small, "--seed", "9")
    assert other.status == 2
    assert "settings.seed: 0 -> 9" in other.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("build-data", "--folder", "s", "--rule", "pse"), "has no strict form"),
        (("build-data", "--folder", "s", "--rule", "esplora-r3"), "esplora-r1"),
        (("build-data", "--folder", "s", "--rule", "esplora-r1:tau=0"), "tau=0 is out of range"),
        (("build-data", "--folder", "s", "--objects", "dog,cat"), "2 objects are too few"),
        (("build-data", "--folder", "s", "--prompts", "none.jsonl"), "cannot read the prompts"),
        (("build-data", "--folder", "s", "--method", "esplora"), "needs a LoRA"),
        (("train", "nowhere"), "is not a finished training set"),
        (("train", "nowhere", "--rank", "0"), "--rank 0 is out of range"),
    ],
)
def test_what_is_refused(spatialbench: Command, arguments: tuple[str, ...], said: str) -> None:
    outcome = spatialbench("esplora", *arguments)
    assert outcome.status == 2
    assert said in outcome.err
    assert not Path("s").exists()
