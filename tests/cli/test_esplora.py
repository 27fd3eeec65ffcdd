"""``esplora build-data`` and ``train`` on the lab, and what they refuse before loading a model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Command


def test_from_prompts_to_a_lora_that_draws(spatialbench: Command, tmp_path: Path) -> None:
    prompts = tmp_path / "prompts.jsonl"
    pairs = (("dog", "cat"), ("car", "bench"), ("apple", "clock"), ("bus", "zebra"))
    lines = [{"text": f"a {a} left of a {b}", "relations": [[a, "left", b]]} for a, b in pairs]
    prompts.write_text("".join(json.dumps(line) + "\n" for line in lines))
    # The plain model would often leave nothing of eight pictures.
    guided = ("--method", "infsplign", "--images-per-prompt", "2")
    made = spatialbench(
        *("esplora", "build-data", "--folder", "set", "--prompts", prompts, *guided),
        *("--seed", "1", "--format", "json"),
    )
    assert made.status == 0, made.err
    said = json.loads(made.out)
    assert said["images"] == 8
    assert sum(said["outcomes"]["left"].values()) == 8
    assert said["kept"] == len(list((tmp_path / "set" / "images").iterdir())) > 0
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
        (("train", "nowhere"), "is no finished training set"),
        (("train", "nowhere", "--rank", "0"), "--rank 0 is out of range"),
    ],
)
def test_what_is_refused(spatialbench: Command, arguments: tuple[str, ...], said: str) -> None:
    outcome = spatialbench("esplora", *arguments)
    assert outcome.status == 2
    assert said in outcome.err
    assert not Path("s").exists()
