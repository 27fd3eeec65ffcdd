"""``agree`` through the command line: detectors, judges, and files from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from spatialbench.runs.store import RunDirectory

from .conftest import Command

RUN = ("run", "--method", "painter", "--bench", "squares", "--set", "skill=1", "--out", "made")
MADE = Path("made")
PAIR = ("agree", MADE, "--between", "colour-blobs")


def half_blind(every: int = 2, left_out: int = 0) -> None:
    """A second detector, which finds nothing in every second image, and has not seen some."""
    directory = RunDirectory(MADE)
    stored = directory.detection_journal("colour-blobs@1").path
    journal = directory.detection_journal("half-blind@1").path
    journal.parent.mkdir()
    said = directory.detector_file("colour-blobs@1").read_text()
    directory.detector_file("half-blind@1").write_text(said.replace("colour-blobs", "half-blind"))
    records = [json.loads(line) for line in stored.read_text().splitlines()]
    for record in records[::every]:
        record["scores"] = [0.0] * len(record["scores"])
    journal.write_text("".join(json.dumps(one) + "\n" for one in records[left_out:]))


@pytest.fixture
def made(spatialbench: Command) -> Command:
    assert spatialbench(*RUN).status == 0
    return spatialbench


def row(text: str, name: str = "all") -> Sequence[str]:
    (found,) = [line for line in text.splitlines() if line.startswith(f"{name} ")]
    return found.split()


def test_a_detector_that_sees_half_agrees_in_part(made: Command) -> None:
    half_blind()
    before = {path: path.read_bytes() for path in MADE.rglob("*") if path.is_file()}
    outcome = made(*PAIR, "half-blind@1")
    assert outcome.status == 0, outcome.err
    # The first is right on all 96 images, the second on 48: chance alone would agree as often.
    cells = row(outcome.out)
    assert (cells[:3], cells[-4:]) == (["all", "96", "50.00"], ["48", "48", "0", "0"])
    assert max(map(len, outcome.out.split("\n\n")[0].splitlines()[:4])) <= 80
    found = json.loads(made(*PAIR, "half-blind@1", "--format", "json").out)
    whole = found["tasks"]["all"]
    assert (whole["agree"], whole["kappa"], whole["only_first"]) == (50.0, 0.0, 48)
    assert whole["agree_low"] < 50 < whole["agree_high"]
    assert len(found["differ"]) == 48
    assert {one["right_by"] for one in found["differ"]} == {"first"}
    assert sum(one["images"] for one in found["tasks"].values()) == 2 * 96
    older = made("detectors", "agree", MADE, "colour-blobs", "half-blind@1", "--format", "json")
    assert json.loads(older.out) == found
    after = {path: path.read_bytes() for path in MADE.rglob("*") if path.is_file()}
    assert after == before
    unknown = made(*PAIR, "half-blid")
    assert unknown.status == 2
    assert "did you mean half-blind@1" in unknown.err


def test_images_that_one_has_not_seen_are_left_out_only_when_told(made: Command) -> None:
    half_blind(left_out=6)
    refused = made(*PAIR, "half-blind")
    assert refused.status == 2
    assert "6 of 96 images were judged by only one of" in refused.err
    part = made(*PAIR, "half-blind", "--common-only")
    assert row(part.out)[1] == "90"
    assert "6 were judged by A alone and 0 by B alone" in part.out


def test_a_detector_and_a_judge_take_a_rule_each(made: Command) -> None:
    asked = made("detect", MADE, "--judge", "pixel-judge", "--rule", "asked")
    assert asked.status == 0, asked.err
    one_rule = made(*PAIR, "pixel-judge")
    assert one_rule.status == 2
    assert "give --rule twice, in the order of --between" in one_rule.err
    assert "squares-asked/1" in one_rule.err
    both = made(*PAIR, "pixel-judge", "--rule", "centre", "--rule", "asked", "--flips", 3)
    assert both.status == 0, both.err
    assert row(both.out)[-4:] == ["96", "0", "0", "0"]
    assert "B: pixel-judge@1 by squares-asked/1" in both.out
    three = made(*PAIR, "pixel-judge", *("--rule", "asked") * 3)
    assert three.status == 2
    assert "3 rules are given" in three.err


def test_a_file_from_elsewhere(made: Command) -> None:
    half_blind()
    layout = ("export", MADE, "--layout", "detections", "--out", "elsewhere.jsonl")
    assert made(*layout, "--detector", "half-blind").status == 0
    own = json.loads(made(*PAIR, "half-blind", "--format", "json").out)
    file = json.loads(made(*PAIR, "elsewhere.jsonl", "--format", "json").out)
    assert file["between"][1]["who"] == "elsewhere.jsonl"
    assert {**file, "between": 0} == {**own, "between": 0}
    absent = made(*PAIR, "nowhere.jsonl")
    assert absent.status == 2
    assert "unknown detector, judge or file for made" in absent.err


def test_official_results_of_visor(spatialbench: Command, tmp_path: Path) -> None:
    record = {"width": 64, "height": 64, "scores": [0.9, 0.8]}
    boxes = [[0.0, 0.0, 10.0, 10.0], [30.0, 0.0, 44.0, 10.0]]
    lines = []
    listed = spatialbench("prompts", "--bench", "visor", "--limit", 6, "--format", "jsonl")
    for number, line in enumerate(listed.out.splitlines()):
        prompt = json.loads(line)
        labels = [prompt["subject"], prompt["object"]]
        for index in range(4):
            swapped = labels[::-1] if (number + index) % 3 else labels
            about = {
                "prompt_id": prompt["prompt_id"],
                "index": index,
                "boxes": boxes,
                "labels": swapped,
            }
            lines.append(json.dumps(record | about))
    (tmp_path / "boxes.jsonl").write_text("\n".join(lines) + "\n")
    taken = ("import", "boxes.jsonl", "--bench", "visor", "--limit", 6, "--name", "x")
    assert spatialbench(*taken, "--out", "made", "--score").status == 0
    assert spatialbench("export", "made", "--layout", "results", "--out", "official").status == 0
    (official,) = (tmp_path / "official").glob("*.json")
    (signature,) = RunDirectory(MADE).detectors()
    same = spatialbench("agree", "made", "--between", signature, official)
    assert same.status == 0, same.err
    cells = row(same.out)
    assert (cells[1], cells[2]) == ("24", "100.00")
    turned = spatialbench("agree", "made", "--between", official, signature, "--format", "json")
    assert json.loads(turned.out)["tasks"]["all"]["agree"] == 100
    lines[0] = lines[0].replace("0.9", "0.0")
    (tmp_path / "boxes.jsonl").write_text("\n".join(lines) + "\n")
    other = spatialbench("agree", "made", "--between", official, "boxes.jsonl", "--format", "json")
    assert json.loads(other.out)["tasks"]["all"]["images"] == 24


def test_pages_with_the_differences_first(made: Command) -> None:
    half_blind()
    outcome = made(*PAIR, "half-blind", "--gallery", "pages")
    assert outcome.status == 0, outcome.err
    page = Path("pages/index.html").read_text()
    assert "A: colour-blobs@1 by" in page
    assert "half-blind@1 by" in page
    facets = Path("pages/data/facets.js").read_text()
    assert "colour-blobs@1" in facets
    assert made(*PAIR, "half-blind", "--copy").status == 2
