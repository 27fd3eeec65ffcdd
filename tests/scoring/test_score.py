"""The score stage, and scoring what belongs to no run."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from spatialbench.errors import UserError
from spatialbench.exchange.foreign import Origin, read_records, score_records
from spatialbench.executors.local import LocalExecutor
from spatialbench.plugins import Verdict
from spatialbench.plugins.records import BoxRecord
from spatialbench.runs.opening import Run
from spatialbench.runs.selection import Selection
from spatialbench.runs.signature import Signature
from spatialbench.scoring.judging import Judging
from spatialbench.scoring.other_rules import summaries_of_other_rules
from spatialbench.scoring.score import read_verdicts, score
from spatialbench.scoring.verdicts import build_table, by_task
from spatialbench.stages.detect import detect
from spatialbench.stages.generate import generate
from spatialbench.stages.whole import run_all
from tests.stages.fakes import (
    Finder,
    FirstBoxRule,
    Log,
    Painter,
    Shapes,
    make_prompts,
    open_shapes,
    work,
)


def detected(folder: Path, selection: Selection | None = None) -> Run:
    run = open_shapes(folder, selection=selection)
    generate(run, Painter(), 4, LocalExecutor(), Log())
    detect(run, Finder(), 4, LocalExecutor(), Log())
    return run


def stored(run: Run) -> list[dict[str, Any]]:
    return list(run.directory.detection_journal("finder@w1").records(print))


def right(record: dict[str, Any], threshold: float = 0.1) -> bool:
    """The rule of the fakes, said again."""
    return bool(record["scores"][0] > threshold and int(record["boxes"][0][0]) % 2 == 0)


def test_the_summary(tmp_path: Path) -> None:
    run = detected(tmp_path)
    summary = score(run, Log())
    assert summary.document() == json.loads((tmp_path / "summary.json").read_text())
    records = stored(run)
    assert summary.metric("right") == pytest.approx(100 * np.mean([right(r) for r in records]))
    assert summary.metrics["undefined"] is None
    low, high = summary.intervals["right"]
    assert low is not None
    assert high is not None
    assert low < summary.metric("right") < high
    expected = {
        "benchmark": "shapes",
        "subset": "all",
        "method": "painter",
        "backbone": "easel@0123456",
        "rule": "first-box/1",
        "detector": "finder@w1",
        "threshold": 0.1,
        "images": 24,
        "images_expected": 24,
        "prompts": 12,
        "prompts_expected": 12,
        "partial": False,
    }
    assert {key: getattr(summary, key) for key in expected} == expected
    assert list(summary.groups) == ["above", "left", "right"]
    for task, group in summary.groups.items():
        ids = {p.id for p in run.expected.prompts if p.task == task}
        hits = [right(r) for r in records if r["prompt_id"] in ids]
        assert group.metric("right") == pytest.approx(100 * np.mean(hits))
        assert (group.images, group.prompts) == (8, 4)
    signature = Signature.parse(summary.signature)
    assert signature.method == "painter/2"
    assert signature.parameters == {"steps": "20", "strength": "1.5"}
    assert (signature.prompts, signature.images_per_prompt, signature.found) == (12, 2, None)
    assert signature.run == run.manifest.id
    assert signature.stands_in_for is None


def test_a_detector_that_stands_in_for_the_prescribed_one_is_marked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = detected(tmp_path)
    named: list[object] = []

    def prescribed(benchmark: object, subset: str, signature: str) -> str:
        named.append((benchmark, subset, signature))
        return "prescribed-by-the-benchmark"

    monkeypatch.setattr("spatialbench.scoring.score.stands_in_for", prescribed)
    line = score(run, Log()).signature
    assert " det:finder@w1 for:prescribed-by-the-benchmark thr:0.1 " in line
    assert Signature.parse(line).stands_in_for == "prescribed-by-the-benchmark"
    assert (run.expected.benchmark, "all", "finder@w1") in named


def test_the_rows(tmp_path: Path) -> None:
    run = detected(tmp_path)
    score(run, Log())
    frame = pd.read_parquet(tmp_path / "scores.parquet")
    assert list(frame.columns) == [
        "prompt_id", "index", "task", "correct", "score", "reason", "found",
    ]  # fmt: skip
    assert list(zip(frame["prompt_id"], frame["index"], strict=True)) == run.expected.keys()
    assert frame["correct"].tolist() == [right(record) for record in stored(run)]
    assert frame.to_dict("records") == list(read_verdicts(run))
    json.dumps(list(read_verdicts(run)))


def at(run: Run, threshold: float) -> Judging:
    return Judging.by_default(run.expected.benchmark, threshold=threshold)


def test_scoring_again_does_nothing_until_something_changes(tmp_path: Path) -> None:
    run = detected(tmp_path)
    first = score(run, Log())
    before = (tmp_path / "summary.json").stat().st_mtime_ns
    log = Log()
    assert score(run, log) == first
    assert log.begun == [("score", 24, 24)]
    assert (tmp_path / "summary.json").stat().st_mtime_ns == before
    other = score(run, Log(), at(run, 0.5))
    assert other.threshold == 0.5
    hits = [right(r, 0.5) for r in stored(run)]
    assert other.metric("right") == pytest.approx(100 * np.mean(hits))
    strict = FirstBoxRule("strict/1", 0.7)
    assert score(run, Log(), Judging(strict)).rule == "strict/1"
    assert score(run, Log()) == first
    (tmp_path / "scores.parquet").write_bytes(b"PAR1")
    assert score(run, Log()) == first
    assert len(list(read_verdicts(run))) == 24


def test_the_summary_of_another_rule_is_kept(tmp_path: Path) -> None:
    run = detected(tmp_path, Selection(limit=6))
    official = score(run, Log())
    assert summaries_of_other_rules(tmp_path) == []
    by_strict = score(run, Log(), Judging(FirstBoxRule("strict/2+edge:3", 0.2)))
    (kept,) = summaries_of_other_rules(tmp_path)
    assert json.loads((kept / "summary.json").read_text()) == official.document()
    assert json.loads((tmp_path / "summary.json").read_text()) == by_strict.document()
    score(run, Log(), at(run, 0.3))
    (kept,) = summaries_of_other_rules(tmp_path)
    assert json.loads((kept / "summary.json").read_text()) == by_strict.document()
    score(detected(tmp_path), Log())
    assert summaries_of_other_rules(tmp_path) == [], "they are about fewer images"


def test_partial_is_said(tmp_path: Path) -> None:
    detected(tmp_path, Selection(4))
    run = open_shapes(tmp_path)
    summary = score(run, Log())
    assert summary.partial is True
    assert (summary.images, summary.images_expected) == (8, 24)
    assert (summary.prompts, summary.prompts_expected) == (4, 12)
    assert Signature.parse(summary.signature).found == 8
    limited = score(open_shapes(tmp_path, selection=Selection(4)), Log())
    assert limited.partial is False
    assert limited.metric("right") == summary.metric("right")
    assert " n:4x2 " in limited.signature


def test_bad_input(tmp_path: Path) -> None:
    run = open_shapes(tmp_path)
    with pytest.raises(UserError, match="has no detections: type 'spatialbench detect"):
        score(run, Log())
    run = detected(tmp_path)
    with pytest.raises(UserError, match=r"by owl@1 \(it has those by finder@w1\)"):
        score(run, Log(), detector="owl@1")
    with pytest.raises(UserError, match=r"--threshold 1\.5 is not a detection score"):
        at(run, 1.5)
    with pytest.raises(UserError, match="--threshold nan"):
        at(run, math.nan)
    detect(run, Finder(word="second@1"), 4, LocalExecutor(), Log())
    with pytest.raises(UserError, match="detections by finder@w1 and second@1: say which"):
        score(run, Log())
    assert score(run, Log(), detector="second@1").detector == "second@1"
    other = open_shapes(tmp_path, selection=Selection(only=("left",), images_per_prompt=1))
    assert " only:left " in score(other, Log(), detector="second@1").signature


def test_damaged_detections_are_named(tmp_path: Path) -> None:
    run = detected(tmp_path)
    path = run.directory.detection_journal("finder@w1").path
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines[:3], '{"prompt_id": "3", "index": 0}\n', *lines[3:]]))
    with pytest.raises(UserError, match="image 3/0: a detections record is malformed"):
        score(run, Log())
    path.write_text("".join([*lines[:3], lines[3][:50] + "\n", *lines[3:]]))
    with pytest.raises(UserError, match="line 4, is corrupt"):
        score(run, Log())


def test_whole_run_makes_an_unreadable_image_again(tmp_path: Path) -> None:
    first = run_all(open_shapes(tmp_path / "whole"), work(), Log())
    run = open_shapes(tmp_path / "run")
    generate(run, Painter(), 4, LocalExecutor(), Log())
    path = run.directory.image_path("3", 1)
    path.write_bytes(path.read_bytes()[:60] + bytes(10) + path.read_bytes()[70:])
    painter = Painter()
    assert run_all(run, work(painter), Log()) == first
    assert painter.loads == 1


def test_detections_from_elsewhere(tmp_path: Path) -> None:
    run = detected(tmp_path)
    ours = score(run, Log())
    path = run.directory.detection_journal("finder@w1").path
    scored = score_records(Shapes(), read_records(path))
    same = ("metrics", "images", "images_expected", "prompts", "partial", "intervals", "groups")
    assert [getattr(scored.summary, name) for name in same] == [getattr(ours, n) for n in same]
    assert list(scored.verdicts()) == list(read_verdicts(run))
    assert Signature.parse(scored.summary.signature).detector == "external"

    path.write_text("\n".join(path.read_text().splitlines()[:-3]))
    part = score_records(Shapes(), read_records(path))
    assert (part.summary.images, part.summary.images_expected) == (21, 22)
    assert part.summary.partial is True
    every = score_records(Shapes(), read_records(path), origin=Origin(complete=True))
    assert every.summary.images_expected == 24


def test_bad_detections_from_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "found.jsonl"
    good = {"prompt_id": "1", "index": 0, "width": 9, "height": 9}
    good |= {"boxes": [[0, 0, 1, 1]], "scores": [0.5], "labels": ["circle"]}

    def scored(*records: Any) -> None:
        path.write_text("\n\n".join(json.dumps(record) for record in records))
        score_records(Shapes(), read_records(path))

    scored(good)
    with pytest.raises(UserError, match="the image 1/0 appears twice"):
        scored(good, good)
    with pytest.raises(UserError, match="the prompt id '99', which shapes does not have"):
        scored(good | {"prompt_id": "99"})
    with pytest.raises(UserError, match="line 3, is not a detections record"):
        scored(good, good | {"prompt_id": 1})
    with pytest.raises(UserError, match="image 1/0: detections with a NaN"):
        scored(good | {"scores": [math.nan]})
    with pytest.raises(UserError, match="holds no image"):
        scored()
    with pytest.raises(UserError, match="cannot be read"):
        score_records(Shapes(), read_records(tmp_path / "absent.jsonl"))


def test_a_rule_that_contradicts_itself_is_a_bug() -> None:
    prompts = make_prompts(2)
    good = Verdict(True, 1.0, "", {"found": True})
    for bad in (
        Verdict(True, 1.0, "", {}),
        Verdict(True, math.nan, "", {"found": True}),
    ):
        with pytest.raises(ValueError, match=r"the same facts|not a number"):
            build_table(prompts, [(0, 0, good), (1, 0, bad)])
    with pytest.raises(ValueError, match="may not be named"):
        build_table(prompts, [(0, 0, Verdict(True, 1.0, "", {"reason": 1}))])


def test_tables_by_task_keep_their_rows() -> None:
    prompts = make_prompts(6)
    rows = [(p, k, Verdict(False, p + k / 10, "", {})) for p in (0, 1, 3, 5) for k in (0, 1)]
    table, _ = build_table(prompts, rows)
    assert [p.id for p in table.prompts] == ["0", "1", "3", "5"]
    parts = by_task(table)
    left = parts["left"]
    assert [left.prompts[row].id for row in left.prompt_row] == ["0", "0", "3", "3"]
    assert left.columns["score"].tolist() == [0.0, 0.1, 3.0, 3.1]
    assert parts["above"].columns["score"].tolist() == [5.0, 5.1]


def test_a_rule_may_judge_records_itself() -> None:
    class Quick(FirstBoxRule):
        def judge_evidence(self, prompt: Any, evidence: Any, threshold: float) -> Verdict:
            return Verdict(True, 1.0, "quick")

    at = {"prompt_id": "0", "index": 0, "width": 1, "height": 1}
    record = BoxRecord(at | {"boxes": [], "scores": [], "labels": []})
    prompt = make_prompts(1)[0]
    assert Judging(Quick()).verdict(prompt, record).reason == "quick"
    assert Judging(FirstBoxRule()).verdict(prompt, record).reason == "0 False"
