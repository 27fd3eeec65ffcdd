"""A judge's answers: made once, resumed after a kill, shared out, and refused where none."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from spatialbench.errors import UserError
from spatialbench.executors.local import LocalExecutor
from spatialbench.plugins import Evidence, Verdict
from spatialbench.plugins.evidence import ANSWERS
from spatialbench.prompts import Prompt
from spatialbench.runs.status import status
from spatialbench.scoring.judging import Judging
from spatialbench.scoring.score import read_verdicts, score
from spatialbench.stages import canaries
from spatialbench.stages.plan import Shard
from spatialbench.stages.whole import Work, run_all
from tests.stages.answering import Asker, AskingRule, asked_run
from tests.stages.fakes import Finder, Log, Painter, open_shapes, snapshot


def test_answers_are_stored_and_judged(tmp_path: Path) -> None:
    judge = Asker()
    summary = asked_run(tmp_path, judge)
    assert summary is not None
    assert (summary.rule, summary.detector, summary.images) == ("asking/1", "asker@w1", 24)
    run = open_shapes(tmp_path)
    records = list(run.directory.detection_journal("asker@w1", ANSWERS).records(print))
    assert [(r["prompt_id"], r["index"]) for r in records] == run.expected.keys()
    right = []
    for number, record in enumerate(records):
        content = run.directory.read_image((record["prompt_id"], record["index"]))
        path = tmp_path / "one.png"
        path.write_bytes(content)
        pixels = np.asarray(Image.open(path))[0, :2, 0].astype(float)
        # In batches of four, each image at its place.
        assert record["answers"] == ((pixels + 4 + number % 4) / 300).tolist()
        right.append(min(record["answers"]) > AskingRule.threshold)
    assert [row for row in right if row], "some are right"
    assert summary.images_expected == 24
    assert status(run).answers == {"asker@w1": 24}
    assert asked_run(tmp_path, judge) == summary
    assert judge.loads == 1


@dataclass
class Silent(Asker):
    """Answers two batches, and never ends with the third."""

    batches: int = 0

    def answer(
        self, images: Sequence[Image.Image], questions: Sequence[Sequence[str]]
    ) -> list[list[float]]:
        if self.batches == 2:
            threading.Event().wait()
        self.batches += 1
        return super().answer(images, questions)


def silent_run(folder: Path) -> None:
    setattr(os, "fsync", lambda handle: None)  # noqa: B010
    asked_run(folder, Silent())


def test_a_killed_judge_goes_on_where_it_was(tmp_path: Path) -> None:
    asked_run(tmp_path / "whole")
    context = multiprocessing.get_context("forkserver")
    folder = tmp_path / "killed"
    process = context.Process(target=silent_run, args=(folder,))
    process.start()
    journals = folder / "answers" / "asker@w1"
    while process.is_alive() and not any(
        one.stat().st_size for one in journals.glob("answers.*.jsonl")
    ):
        time.sleep(0.005)
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    there = status(open_shapes(folder)).answers["asker@w1"]
    assert 0 < there < 24
    asked_run(folder)
    assert snapshot(folder) == snapshot(tmp_path / "whole")


def test_shards_give_the_bytes_of_one_process(tmp_path: Path) -> None:
    asked_run(tmp_path / "whole")
    for part in ("2/3", "1/3", "3/3"):
        assert asked_run(tmp_path / "parts", shard=Shard.parse(part)) is None
    asked_run(tmp_path / "parts")
    assert snapshot(tmp_path / "parts") == snapshot(tmp_path / "whole")


class BothRule(AskingRule):
    """Right where the first box lies evenly and the judge says yes."""

    name = "both/1"
    needs = ("boxes", "answers")

    def judge_evidence(self, prompt: Prompt, evidence: Evidence, threshold: float) -> Verdict:
        asked = super().judge_evidence(prompt, evidence, threshold)
        even = int(evidence.boxes.boxes[0, 0]) % 2 == 0
        right = asked.correct and even
        return Verdict(right, float(right), f"{even}, {asked.reason}", {"even": even})


def test_a_rule_may_see_boxes_and_answers(tmp_path: Path) -> None:
    run, judging = open_shapes(tmp_path), Judging(BothRule())
    work = Work(Painter(), Finder(), LocalExecutor(), 4, judging, judges=[Asker()])
    summary = run_all(run, work, Log())
    assert summary is not None
    assert (summary.detector, summary.images) == ("finder@w1+asker@w1", 24)
    rows = {(v["prompt_id"], v["index"]): v for v in read_verdicts(run)}
    answers = {
        record.key: min(record.content["answers"])
        for record in run.directory.seen("asker@w1", print, ANSWERS)
    }
    boxes = {record.key: record.boxes for record in run.directory.seen("finder@w1", print)}
    assert len(rows) == len(answers) == len(boxes) == 24
    for key, row in rows.items():
        even = int(boxes[key][0][0]) % 2 == 0
        assert row["even"] == even
        assert row["correct"] == (even and answers[key] > BothRule.threshold)
    assert {row["correct"] for row in rows.values()} == {True, False}
    with pytest.raises(UserError, match="has no answers by asker@w2"):
        score(run, Log(), judging, judge="asker@w2")
    with pytest.raises(UserError, match="needs no judge: leave out --judge"):
        score(run, Log(), judge="asker@w1")


class Other(Asker):
    def identity(self) -> dict[str, Any]:
        return {"class": "Other"}


def test_another_judge_of_that_name_is_refused(tmp_path: Path) -> None:
    asked_run(tmp_path)
    with pytest.raises(UserError, match="answers of another judge, which differs in identity"):
        asked_run(tmp_path, Other())


class Wrong(Asker):
    """Answers beyond 1 about the image of the darkest corner."""

    def answer(
        self, images: Sequence[Image.Image], questions: Sequence[Sequence[str]]
    ) -> list[list[float]]:
        return [[0.5, 7.0] for _ in images]


def test_an_answer_that_is_none_is_never_0(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"asker@w1, image \d+/0: the answer to 'is there a square"):
        asked_run(tmp_path, Wrong())
    assert not (tmp_path / "answers").exists()


def test_a_changed_answer_to_the_canaries_stops_the_judge(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPATIALBENCH_CACHE", str(tmp_path / "cache"))
    path = canaries.record(Asker())
    assert canaries.check(Asker()) == "8 answers about 4 canary images as recorded"
    stored = json.loads(path.read_text())
    stored["answers"][2][1] += 0.05
    path.write_text(json.dumps(stored))
    with pytest.raises(UserError, match="asker@w1, canary image 2: the answer is"):
        asked_run(tmp_path / "run")
    path.write_text("{}")
    with pytest.raises(UserError, match="cannot be read"):
        canaries.check(Asker())
