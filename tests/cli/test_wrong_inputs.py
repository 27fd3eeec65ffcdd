"""Detections from elsewhere that gave a wrong number, a shifted one, or a misleading reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import Command

MARK = "\ufeff"
VISOR = ("score", "--bench", "visor", "--detections", "boxes.jsonl")


def boxes(name: Callable[[str], str] = str, score: float = 0.9, **change: Any) -> None:
    """Two images of VISOR's prompt 0, "a person to the left of a bicycle", both right."""
    lines = [
        {
            "prompt_id": "0",
            "index": index,
            "width": 64,
            "height": 64,
            "boxes": [[0, 0, 10, 10], [40, 0, 50, 10]],
            "scores": [score, score],
            "labels": [name("person"), name("bicycle")],
        }
        | change
        for index in range(2)
    ]
    Path("boxes.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_names_as_they_are_asked(spatialbench: Command) -> None:
    boxes()
    assert json.loads(spatialbench(*VISOR, "--format", "json").out)["metrics"]["OA"] == 100


@pytest.mark.parametrize("spelt", ["a photo of a {}", "{} ", "{}s", "A {}."])
@pytest.mark.parametrize("door", ["score", "import"])
def test_labels_that_are_the_queries(spatialbench: Command, spelt: str, door: str) -> None:
    boxes(spelt.format)
    imported = ("import", "boxes.jsonl", "--layout", "detections", "--bench", "visor:all")
    told = (*imported, "--name", "t", "--only", "0", "--images-per-prompt", 2, "--out", "run")
    outcome = spatialbench(*(VISOR if door == "score" else told))
    assert (outcome.status, outcome.out) == (2, "")
    assert repr(spelt.format("person")) in outcome.err
    assert "'person', 'bicycle'" in outcome.err
    assert not Path("run").exists()


def test_some_other_labels_are_a_line_under_the_table(spatialbench: Command) -> None:
    boxes(lambda name: "human" if name == "person" else name)
    outcome = spatialbench(*VISOR)
    assert outcome.status == 0
    assert "2 of 4 boxes (50.0 %) have a label that no prompt asks for: 'human'" in outcome.out


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"scores": [90.0, 80.0]}, "has the score 90"),
        ({"scores": [-1, 0.8]}, "has the score -1: expected scores from 0 to 1 (make prob"),
        ({"scores": [201, 130]}, "from 0 to 1 (divide by the largest possible)"),
        ({"scores": ["0.9", "0.8"]}, "'0.9' is not a number"),
        ({"scores": [True, 0.8]}, "True is not a number"),
        ({"boxes": [["0", "0", "10", "10"], [40, 0, 50, 10]]}, "'0' is not a number"),
        ({"boxes": [0, 0, 10, 10, 40, 0, 50, 10]}, "the box 0 is not four corners"),
        ({"boxes": [{"xmin": 0, "ymin": 0, "xmax": 9, "ymax": 9}] * 2}, "'xmin' is not a number"),
        ({"boxes": [[10, 0, 0, 10], [40, 0, 50, 10]]}, "ends before it begins"),
        ({"boxes": [[0, 0, 10, 10], [400, 0, 500, 10]]}, "outside the image of 64 x 64"),
    ],
)
@pytest.mark.parametrize("door", ["score", "import"])
def test_impossible_detections(
    spatialbench: Command, change: dict[str, Any], said: str, door: str
) -> None:
    boxes(**change)
    imported = ("import", "boxes.jsonl", "--layout", "detections", "--bench", "visor:all")
    told = (*imported, "--name", "t", "--only", "0", "--images-per-prompt", 2, "--out", "run")
    outcome = spatialbench(*(VISOR if door == "score" else told))
    assert outcome.status == 2
    assert said in outcome.err
    assert "0/0" in outcome.err
    assert not Path("run").exists()


@pytest.mark.parametrize("door", ["score", "import"])
def test_boxes_in_shares(spatialbench: Command, door: str) -> None:
    boxes(boxes=[[0.1, 0, 0.2, 0.5], [0.6, 0, 1, 0.5]])
    imported = ("import", "boxes.jsonl", "--layout", "detections", "--bench", "visor:all")
    told = (*imported, "--name", "t", "--only", "0", "--images-per-prompt", 2, "--out", "run")
    outcome = spatialbench(*(VISOR if door == "score" else told))
    assert outcome.status == 2
    assert "they look like shares of the image; multiply" in outcome.err
    assert not Path("run").exists()


def test_detections_numbered_from_1_or_of_more_images(spatialbench: Command) -> None:
    """None is dropped without a word: two images per prompt, and the file's are 1 and 2."""
    boxes()
    text = Path("boxes.jsonl").read_text()
    Path("boxes.jsonl").write_text(
        text.replace('"index": 1', '"index": 2').replace(": 0, ", ": 1, ", 1)
    )
    told = ("boxes.jsonl", "--layout", "detections", "--bench", "visor:all", "--name", "t")
    outcome = spatialbench("import", *told, "--only", "0", "--images-per-prompt", 2)
    assert outcome.status == 2
    assert "numbers its images 1 to 2, and 0 to 1 are expected" in outcome.err
    boxes()
    more = spatialbench("import", *told, "--only", "0", "--images-per-prompt", 1)
    assert more.status == 2
    assert "numbers its images 0 to 1, and 0 to 0 are expected" in more.err


@pytest.mark.parametrize("index", [-1, -7])
@pytest.mark.parametrize("door", ["score", "import"])
def test_negative_indices(spatialbench: Command, index: int, door: str) -> None:
    boxes(index=index)
    lines = Path("boxes.jsonl").read_text().splitlines()
    Path("boxes.jsonl").write_text(lines[0] + "\n")
    imported = ("import", "boxes.jsonl", "--layout", "detections", "--bench", "visor:all")
    told = (*imported, "--name", "t", "--only", "0", "--allow-partial")
    outcome = spatialbench(*(VISOR if door == "score" else told))
    assert outcome.status == 2
    assert "index from 0 on" in outcome.err


@pytest.mark.parametrize("door", ["score", "import"])
def test_one_image_twice(spatialbench: Command, door: str) -> None:
    boxes(index=1)
    imported = ("import", "boxes.jsonl", "--layout", "detections", "--bench", "visor:all")
    told = (*imported, "--name", "t", "--only", "0", "--allow-partial")
    outcome = spatialbench(*(VISOR if door == "score" else told))
    assert outcome.status == 2
    assert "twice" in outcome.err


@pytest.mark.parametrize("threshold", ["-0.1", "-1e-9", "1.1", "nan"])
def test_thresholds_that_are_none(spatialbench: Command, threshold: str) -> None:
    boxes()
    outcome = spatialbench(*VISOR, f"--threshold={threshold}")
    assert outcome.status == 2
    assert "is not a number of at least 0 and at most 1" in outcome.err
    assert spatialbench(*VISOR, "--threshold=0").status == 0


def cups(score: float) -> None:
    from spatialbench.benchmarks.geneval import PLUGIN

    lines = []
    for prompt in PLUGIN.prompts("counting")[:2]:
        (wanted,) = prompt.facts["metadata"]["include"]
        number = wanted["count"]
        record = {
            "prompt_id": prompt.id,
            "index": 0,
            "width": 512,
            "height": 512,
            "boxes": [[50 * k, 0, 50 * k + 40, 40] for k in range(number)],
            "scores": [score] * number,
            "labels": [wanted["class"]] * number,
        }
        lines.append(json.dumps(record) + "\n")
    Path("cups.jsonl").write_text("".join(lines))


def test_counting_by_a_detector_on_another_scale(spatialbench: Command) -> None:
    score = ("score", "--bench", "geneval:counting", "--detections", "cups.jsonl")
    cups(0.95)
    document = json.loads(spatialbench(*score, "--format", "json").out)
    assert (document["metrics"]["counting"], document["threshold"]) == (100, 0.9)
    assert " thr:0.9 " in document["signature"]
    cups(0.7)
    refused = spatialbench(*score)
    assert (refused.status, refused.out) == (2, "")
    assert "no box in any of 2 images has a score above 0.9 (the best has 0.7)" in refused.err
    document = json.loads(spatialbench(*score, "--threshold", 0.6, "--format", "json").out)
    assert (document["metrics"]["counting"], document["threshold"]) == (100, 0.6)
    assert " thr:0.6 " in document["signature"]


def test_detections_with_a_mark(spatialbench: Command) -> None:
    boxes()
    content = Path("boxes.jsonl").read_text()
    Path("boxes.jsonl").write_text(content, encoding="utf-8-sig")
    assert spatialbench(*VISOR).status == 0
    Path("boxes.jsonl").write_text(content, encoding="utf-16")
    outcome = spatialbench(*VISOR)
    assert outcome.status == 2
    assert "byte order mark says UTF-16: save it as UTF-8" in outcome.err


def test_counting_among_other_tasks_says_by_which_option(spatialbench: Command) -> None:
    """As in the official script, --threshold is that of the other tasks."""
    score = ("score", "--bench", "geneval:all", "--detections", "cups.jsonl")
    cups(0.7)
    lines = Path("cups.jsonl").read_text()
    other = json.loads(lines.splitlines()[0]) | {"prompt_id": "00003", "labels": ["dog"]}
    other |= {"boxes": [[0, 0, 9, 9]], "scores": [0.7]}
    Path("cups.jsonl").write_text(lines + json.dumps(other) + "\n")
    refused = spatialbench(*score, "--threshold", 0.5)
    assert refused.status == 2
    assert "above 0.9 (the best has 0.7)" in refused.err
    assert "give --rule NAME:counting_threshold=NUMBER" in refused.err
    told = ("--rule", "official:counting_threshold=0.5", "--format", "json")
    document = json.loads(spatialbench(*score, *told).out)
    assert document["metrics"]["counting"] == 100
    assert "+counting_threshold:0.5" in document["signature"]
