"""A stranger's judge and a rule that needs its answers, through the command line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from .conftest import Command, Outcome

RUN = (
    *("run", "--method", "painter", "--bench", "squares", "--limit", "6"),
    *("--device", "cpu", "--out", "made"),
)
ASKED = (*RUN, "--rule", "asked")

FILE = """
from spatialbench.plugins import Judge, JudgePlugin

class Odd(Judge):
    def identity(self):
        return {"judge": "odd"}

    def signature(self):
        return "odd@1"

    def load(self):
        LOAD

    def answer(self, images, questions):
        return ANSWER

class Plugin(JudgePlugin):
    name = "odd"
    summary = "answers as it is told"

    def configure(self, weights, device, offline):
        return Odd()

PLUGIN = Plugin()
"""


def odd(tmp_path: Path, answer: str, load: str = "pass") -> str:
    file = tmp_path / "odd.py"
    file.write_text(FILE.replace("ANSWER", answer).replace("LOAD", load))
    return f"{file}:PLUGIN"


def metric(outcome: Outcome, key: str) -> float:
    return float(json.loads(outcome.out)["metrics"][key])


def lines(folder: Path, signature: str = "pixel-judge@1") -> list[str]:
    return (folder / "answers" / signature / "answers.jsonl").read_text().splitlines()


def test_a_rule_that_needs_answers_asks_a_judge(spatialbench: Command, tmp_path: Path) -> None:
    done = spatialbench(*ASKED, "--judge", "pixel-judge", "--format", "json")
    assert done.status == 0, done.err
    summary = json.loads(done.out)
    # The painter always paints both squares, and never in a colour of its own.
    assert (summary["rule"], summary["detector"]) == ("squares-asked/1", "pixel-judge@1")
    assert metric(done, "FOUND") == 100
    assert summary["images"] == 12
    assert not (tmp_path / "made" / "detections").exists()
    assert json.loads((tmp_path / "made/answers/pixel-judge@1/judge.json").read_text()) == {
        "signature": "pixel-judge@1",
        "identity": {"judge": "pixel-judge", "version": 1, "sure": 144},
    }
    first = json.loads(lines(tmp_path / "made")[0])
    assert list(first) == ["prompt_id", "index", "image_sha256", "questions", "answers"]
    assert first["answers"] == [1.0, 1.0]
    state = json.loads(spatialbench("status", "made", "--format", "json").out)
    assert state["next"] == "nothing is left to do"
    assert state["answers"] == {"pixel-judge@1": 12}
    again = spatialbench("score", "made", "--rule", "asked", "--threshold", "1", "--format", "json")
    assert metric(again, "FOUND") == 0


def test_boxes_and_answers_stand_beside_each_other(spatialbench: Command, tmp_path: Path) -> None:
    boxes = spatialbench(*RUN, "--format", "json")
    assert spatialbench("detect", "made", "--judge", "pixel-judge", "--rule", "asked").status == 0
    assert metric(spatialbench("score", "made", "--rule", "asked", "--format", "json"), "FOUND")
    assert metric(spatialbench("score", "made", "--format", "json"), "RIGHT") == metric(
        boxes, "RIGHT"
    )


def test_python_asks_the_same(spatialbench: Command, tmp_path: Path) -> None:
    import spatialbench as package

    settings: dict[str, Any] = {"limit": 6, "device": "cpu", "progress": False}
    run = package.evaluate("painter", "squares", out="made", **settings)
    assert run.ask("pixel-judge", rule="asked") == "pixel-judge@1"
    assert run.score(rule="asked", judge="pixel-judge").metrics["FOUND"].value == 100
    again = package.evaluate(
        "painter", "squares", out="made", rule="asked", **settings, judge="pixel-judge"
    )
    assert again.frame()["reason"][0] == "expected both squares; answers 1.00, 1.00"
    assert len(again.frame()) == len(lines(tmp_path / "made")) == 12


def test_a_judge_is_asked_what_it_was_not_asked_before(
    spatialbench: Command, tmp_path: Path
) -> None:
    assert spatialbench(*ASKED, "--judge", "pixel-judge").status == 0
    journal = tmp_path / "made/answers/pixel-judge@1/answers.jsonl"
    before = [json.loads(line) for line in journal.read_text().splitlines()]
    for record in before[:3]:
        record["questions"], record["answers"] = ["is it art?"], [0.25]
    journal.write_text("".join(json.dumps(record) + "\n" for record in before))
    partial = spatialbench("score", "made", "--rule", "asked", "--format", "json")
    assert json.loads(partial.out)["images"] == 9
    assert spatialbench("detect", "made", "--judge", "pixel-judge", "--rule", "asked").status == 0
    after = [json.loads(line) for line in journal.read_text().splitlines()]
    assert [len(record["questions"]) for record in after] == [3] * 3 + [2] * 9
    assert after[0]["answers"] == [0.25, 1.0, 1.0]
    assert after[3:] == before[3:]


def test_shards_and_a_torn_end_give_the_same_bytes(spatialbench: Command, tmp_path: Path) -> None:
    whole = (*ASKED, "--judge", "pixel-judge")
    assert spatialbench(*whole).status == 0
    wanted = lines(tmp_path / "made")
    shutil.move(tmp_path / "made", tmp_path / "once")
    for shard in ("1/2", "2/2"):
        assert spatialbench(*whole, "--shard", shard).status == 0
    assert spatialbench(*whole).status == 0
    assert lines(tmp_path / "made") == wanted
    # A kill between two appends leaves the file of a writer, and a torn line.
    folder = tmp_path / "made/answers/pixel-judge@1"
    (folder / "answers.jsonl").rename(folder / "answers.1700000000000000000-7-ab.jsonl")
    kept = "".join(line + "\n" for line in wanted[:4])
    (folder / "answers.1700000000000000000-7-ab.jsonl").write_text(kept + wanted[4][:40])
    assert spatialbench(*whole).status == 0
    assert lines(tmp_path / "made") == wanted


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("[[0.5] for _ in images]", "2 question(s) were asked and 1 answered"),
        ("[[0.5, float('nan')] for _ in images]", "is nan: expected the probability"),
        ("[[0.5, 1.5] for _ in images]", "is 1.5: expected the probability of yes"),
        ("[[True, 0.5] for _ in images]", "is True: expected the probability of yes"),
        ("['no' for _ in images]", "the answers are a str"),
    ],
)
def test_answers_that_are_none_name_judge_and_image(
    spatialbench: Command, tmp_path: Path, answer: str, said: str, no_given_plugins: None
) -> None:
    outcome = spatialbench(*ASKED, "--judge", odd(tmp_path, answer))
    assert outcome.status == 2
    assert said in outcome.err
    assert "odd@1, image " in outcome.err
    assert not (tmp_path / "made" / "answers").exists()


def test_a_judge_that_fails_is_named(
    spatialbench: Command, tmp_path: Path, no_given_plugins: None
) -> None:
    few = spatialbench(*ASKED, "--judge", odd(tmp_path, "[[0.5, 0.5]]"))
    assert (few.status, "odd@1 returned 1 results for 8 images" in few.err) == (2, True), few.err


def test_a_judge_that_does_not_load_is_named(
    spatialbench: Command, tmp_path: Path, no_given_plugins: None
) -> None:
    broken = spatialbench(*ASKED, "--judge", odd(tmp_path, "[]", load="1 / 0"))
    assert broken.status == 2
    assert "odd@1 fails with ZeroDivisionError" in broken.err


def test_what_is_missing_or_too_much_is_said_before_the_first_image(
    spatialbench: Command, tmp_path: Path
) -> None:
    for words, said in (
        (ASKED, "judges by a judge's answers: give --judge NAME"),
        ((*ASKED, "--judge", "pixel"), "did you mean pixel-judge?"),
        ((*ASKED, "--judge", "pixel-judge", "--detector", "colour-blobs"), "needs no detector"),
        ((*RUN, "--judge", "pixel-judge"), "needs no judge"),
    ):
        outcome = spatialbench(*words)
        assert (outcome.status, said in outcome.err) == (2, True), outcome.err
    assert not (tmp_path / "made").exists()
    assert spatialbench(*RUN).status == 0
    none = spatialbench("score", "made", "--rule", "asked")
    assert "has no answers: type 'spatialbench detect made --judge NAME'" in none.err
