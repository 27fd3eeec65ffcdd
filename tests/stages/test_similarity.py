"""Similarity beside answers and boxes: one judge for each kind, stored apart, judged together."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from spatialbench.errors import UserError
from spatialbench.executors.local import LocalExecutor
from spatialbench.plugins import Evidence, Verdict
from spatialbench.plugins.evidence import ANSWERS, SIMILARITY
from spatialbench.plugins.records import SimilarityRecord
from spatialbench.prompts import Prompt
from spatialbench.runs.status import status
from spatialbench.scoring.judging import Judging
from spatialbench.scoring.score import read_verdicts, score
from spatialbench.stages import canaries
from spatialbench.stages.plan import Shard
from spatialbench.stages.whole import Work, run_all
from tests.stages.answering import Asker, AskingRule
from tests.stages.fakes import Finder, Log, Painter, open_shapes, snapshot


class LikeRule(AskingRule):
    """Right where an image is like its prompt; half the answers count, too."""

    name = "like/1"
    needs: tuple[str, ...] = ("boxes", "answers", "similarity")

    def texts(self, prompt: Prompt) -> Sequence[str]:
        return [prompt.text]

    def judge_evidence(self, prompt: Prompt, evidence: Evidence, threshold: float) -> Verdict:
        asked = super().judge_evidence(prompt, evidence, threshold)
        like = evidence.similarity[prompt.text]
        boxes = len(evidence.boxes)
        return Verdict(like > 0, like, "", {"asked": asked.score, "like": like, "boxes": boxes})


class AloneRule(LikeRule):
    """By similarity alone."""

    name = "alone/1"
    needs: tuple[str, ...] = ("similarity",)

    def judge_evidence(self, prompt: Prompt, evidence: Evidence, threshold: float) -> Verdict:
        like = evidence.similarity[prompt.text]
        return Verdict(like > 0, like, "")


class Comparer(Asker):
    """As alike as the first pixel is bright, from -1 to 1."""

    gives = SIMILARITY

    def identity(self) -> dict[str, Any]:
        return {"class": "Comparer"}

    def answer(
        self, images: Sequence[Image.Image], questions: Sequence[Sequence[str]]
    ) -> list[list[float]]:
        found = super().answer(images, questions)
        return [[2 * number - 1 for number in numbers] for numbers in found]


def comparer(**changed: Any) -> Comparer:
    return Comparer(word="comparer@w1", **changed)


def alone(folder: Path, judge: Comparer, shard: Shard | None = None, **open_: Any) -> Any:
    judging = Judging(AloneRule())
    work = Work(Painter(), None, LocalExecutor(), 4, judging, judges=[judge])
    if shard is not None:
        work = Work(Painter(), None, LocalExecutor(), 4, judging, shard, [judge])
    return run_all(open_shapes(folder), work, Log())


def test_three_models_give_three_kinds_and_one_rule_sees_them_all(tmp_path: Path) -> None:
    run, judging = open_shapes(tmp_path), Judging(LikeRule())
    judges = [Asker(), comparer()]
    summary = run_all(
        run, Work(Painter(), Finder(), LocalExecutor(), 4, judging, judges=judges), Log()
    )
    assert summary is not None
    assert summary.detector == "finder@w1+asker@w1+comparer@w1"
    state = status(run)
    assert (state.answers, state.similarities) == ({"asker@w1": 24}, {"comparer@w1": 24})
    seen = {}
    for record in run.directory.seen("comparer@w1", print, SIMILARITY):
        assert isinstance(record, SimilarityRecord)
        prompt = run.expected.by_id[record.key[0]]
        assert record.content["texts"] == [prompt.text]
        (seen[record.key],) = record.content["similarities"]
    asked = {
        record.key: min(record.content["answers"])
        for record in run.directory.seen("asker@w1", print, ANSWERS)
    }
    rows = {(row["prompt_id"], row["index"]): row for row in read_verdicts(run)}
    assert rows.keys() == seen.keys() == asked.keys()
    for key, row in rows.items():
        assert (row["like"], row["asked"]) == (seen[key], asked[key])
        assert row["score"] == seen[key]
    assert any(number < 0 for number in seen.values())
    # The judges may be named in any order; each is of the kind that it gave.
    again = score(run, Log(), judging, judge=["comparer@w1", "asker@w1"])
    assert again.summary_sha256 == summary.summary_sha256
    with pytest.raises(UserError, match="is not one of the judges that are meant"):
        score(run, Log(), judging, judge=["comparer@w1", "comparer@w1"])
    with pytest.raises(UserError, match="has no similarities by other@w1"):
        score(run, Log(), Judging(AloneRule()), judge="other@w1")


def test_what_one_judge_lacks_is_missing_and_not_0(tmp_path: Path) -> None:
    run, judging = open_shapes(tmp_path), Judging(LikeRule())
    judges = [Asker(), comparer()]
    run_all(run, Work(Painter(), Finder(), LocalExecutor(), 4, judging, judges=judges), Log())
    (path,) = (tmp_path / "similarities" / "comparer@w1").glob("similarities.jsonl")
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-3]))
    assert score(run, Log(), judging).images == 21


def test_shards_make_the_same_bytes_and_nothing_is_done_twice(tmp_path: Path) -> None:
    whole = alone(tmp_path / "whole", comparer())
    for number in (1, 2):
        assert alone(tmp_path / "parts", comparer(), Shard(number, 2)) is None
    judge = comparer()
    joined = alone(tmp_path / "parts", judge)
    assert (joined.images, judge.loads) == (24, 0)
    assert joined.metrics == whole.metrics
    folders = [tmp_path / name / "similarities" for name in ("whole", "parts")]
    assert snapshot(folders[0]) == snapshot(folders[1])


@pytest.mark.parametrize("number", [-1.1, 1.1, float("nan")])
def test_a_number_beyond_1_is_refused(tmp_path: Path, number: float) -> None:
    class Wrong(Comparer):
        def answer(
            self, images: Sequence[Image.Image], questions: Sequence[Sequence[str]]
        ) -> list[list[float]]:
            return [[number] for _ in images]

    with pytest.raises(UserError, match=r"expected how alike image and text are.* from -1 to 1"):
        alone(tmp_path, Wrong(word="comparer@w1"))
    assert not (tmp_path / "similarities").exists()


def test_the_canaries_of_a_comparer_are_finer_than_those_of_a_judge_of_questions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPATIALBENCH_CACHE", str(tmp_path / "cache"))
    path = canaries.record(comparer())
    assert canaries.check(comparer()) == "8 answers about 4 canary images as recorded"
    stored = json.loads(path.read_text())
    stored["answers"][2][1] += 0.005
    path.write_text(json.dumps(stored))
    with pytest.raises(UserError, match="comparer@w1, canary image 2: the answer is"):
        alone(tmp_path / "run", comparer())
