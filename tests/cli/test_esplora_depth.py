"""Training sets: depth, with every suggested command typed; and every verb on their runs."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from tests.cli.conftest import Command, Outcome
from tests.stages.conftest import depth_folder as depth_folder

PROMPTS = [
    ("a red square left of a green square", "left"),
    ("a red square in front of a green square", "in_front"),
    ("a red square behind a green square", "behind"),
]
BUILD = (
    *("esplora", "build-data", "--folder", "my set", "--prompts", "asked.jsonl"),
    *("--method", "painter", "--set", "skill=1", "--detector", "colour-blobs"),
)


def suggested(text: str) -> list[str]:
    """The arguments of the command in quotes."""
    found = re.search(r"type '(spatialbench .*?)', then", text)
    assert found, text
    return shlex.split(found[1])[1:]


def write_prompts() -> None:
    lines = [
        json.dumps({"text": text, "relations": [["red square", word, "green square"]]})
        for text, word in PROMPTS
    ]
    Path("asked.jsonl").write_text("\n".join(lines))


def metrics(scored: Outcome) -> dict[str, float]:
    document = json.loads(scored.out)
    return {**document, **document.get("metrics", {})}


def test_build_data_depth_build_data(
    spatialbench: Command, depth_folder: Path, tmp_path: Path
) -> None:
    write_prompts()
    first = spatialbench(*BUILD)
    assert first.status == 2
    assert "needs depth maps" in first.err
    made = spatialbench(*suggested(first.err), "--weights", depth_folder)
    assert made.status == 0, made.err
    assert "2 depth maps made now; next: spatialbench esplora build-data" in made.err
    again = made.err.split("next: ")[1].splitlines()[0]
    told = spatialbench("status", "my set", "--format", "json")
    assert told.status == 0, told.err
    assert json.loads(told.out)["images"] == 3
    assert json.loads(told.out)["next"].startswith("give again: spatialbench esplora build-data")
    images = sorted((tmp_path / "my set" / "run" / "images").rglob("*.png"))
    before = [image.stat().st_mtime_ns for image in images]
    finished = spatialbench(*shlex.split(again)[1:], "--format", "json")
    assert finished.status == 0, finished.err
    outcomes = json.loads(finished.out)["outcomes"]
    assert outcomes["left"]["kept"] == 1
    assert sum(outcomes["in_front"].values()) == sum(outcomes["behind"].values()) == 1
    assert outcomes["in_front"]["kept"] + outcomes["behind"]["kept"] <= 1
    assert [image.stat().st_mtime_ns for image in images] == before, "nothing is made twice"


def test_every_verb_opens_the_run_of_a_training_set(spatialbench: Command) -> None:
    lines = [
        json.dumps({"text": text, "relations": [["red square", word, "green square"]]})
        for text, word in (PROMPTS[0], ("a red square above a green square", "above"))
    ]
    Path("asked.jsonl").write_text("\n".join(lines))
    build = (*BUILD, "--images-per-prompt", "6")
    poor = tuple("skill=0.3" if word == "skill=1" else word for word in build)
    poor = tuple("poor set" if word == "my set" else word for word in poor)
    kept = {}
    for name, command in (("my set", build), ("poor set", poor)):
        made = spatialbench(*command, "--format", "json")
        assert made.status == 0, made.err
        kept[name] = json.loads(made.out)["kept"]
        before = json.loads(spatialbench("status", name, "--format", "json").out)
        assert before["next"] == f'spatialbench score "{name}/run"'
        scored = spatialbench("score", name, "--format", "json")
        assert scored.status == 0, scored.err
        after = json.loads(spatialbench("status", name, "--format", "json").out)
        assert (after["partial"], after["next"]) == (False, "nothing is left to do")
        # The set's own numbers: what the verdicts say is kept is what the build kept.
        verdicts = spatialbench("score", name, "--verdicts", "verdicts.jsonl")
        assert verdicts.status == 0, verdicts.err
        rows = [json.loads(line) for line in Path("verdicts.jsonl").read_text().splitlines()]
        assert sum(row["correct"] for row in rows) == kept[name]
        shares = metrics(spatialbench("score", name, "--format", "json"))
        assert shares["kept"] == pytest.approx(100 * kept[name] / 12)
        assert shares["found"] >= shares["right"] >= shares["kept"]
        assert shares["kept_cond"] == pytest.approx(100 * shares["kept"] / shares["found"])
    assert kept["poor set"] < kept["my set"]

    board = spatialbench("leaderboard", "my set", "poor set", "--format", "json")
    assert board.status == 0, board.err
    assert "esplora-training" in board.out
    compared = spatialbench("compare", "my set", "poor set")
    assert compared.status == 0, compared.err
    assert "kept" in compared.out
    for arguments in (
        ("gallery", "my set"),
        ("score", "my set", "--rule", "esplora-r2"),
        ("detect", "my set", "--detector", "colour-blobs"),
    ):
        done = spatialbench(*arguments)
        assert done.status == 0, done.err
    assert "no prompt of my set/run asks for in front" in spatialbench("depth", "my set").err


def test_the_prompts_of_a_training_set_stand_in_its_run(spatialbench: Command) -> None:
    write_prompts()
    spatialbench(*BUILD)
    stored = Path("my set/run/asked.json")
    stored.unlink()
    lost = spatialbench("status", "my set/run")
    assert lost.status == 2
    assert "type its command again, which writes them: spatialbench esplora" in lost.err
    spatialbench(*BUILD)
    assert spatialbench("status", "my set/run").status == 0
    # Prompts of another set are not those the run was made with.
    stored.write_text(stored.read_text().replace("left of", "beside"))
    other = spatialbench("status", "my set/run")
    assert other.status == 2
    assert "prompt_set" in other.err


def test_the_benchmark_of_no_set_says_where_its_prompts_are(spatialbench: Command) -> None:
    refused = spatialbench("run", "--bench", "esplora-training", "--method", "sd")
    assert refused.status == 2
    assert "'spatialbench esplora build-data' makes one" in refused.err
