"""A training set about depth: every command that one of its messages suggests is typed."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

from tests.cli.conftest import Command
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


def test_commands_that_do_not_take_a_training_set_say_so(spatialbench: Command) -> None:
    write_prompts()
    spatialbench(*BUILD)
    for command in (("score",), ("detect",), ("gallery",)):
        refused = spatialbench(*command, "my set/run")
        assert refused.status == 2
        assert "holds the images of a training set" in refused.err
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
