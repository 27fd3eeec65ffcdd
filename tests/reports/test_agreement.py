"""Two detectors on one run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spatialbench.api.agreeing import agree
from spatialbench.detections import Detections
from spatialbench.errors import UserError
from spatialbench.executors.local import LocalExecutor
from spatialbench.reports.agreement import agreement_report
from spatialbench.reports.compare.comparison import ALL
from spatialbench.reports.tables import UNDEFINED
from spatialbench.runs.opening import Run
from spatialbench.runs.selection import Selection
from spatialbench.scoring.judging import Judging
from spatialbench.scoring.score import read_verdicts, score
from spatialbench.stages.detect import detect
from spatialbench.stages.generate import generate
from tests.stages.fakes import Finder, Log, Painter, Shapes, open_shapes

PAIR = ("finder@w1", "squint@w1")


class Squinting(Finder):
    """The same boxes with every other score set to zero."""

    def detect(
        self, images: Sequence[Image.Image], labels: Sequence[Sequence[str]]
    ) -> list[Detections]:
        found = []
        for i, one in enumerate(super().detect(images, labels)):
            scores = one.scores * np.float32(i % 2)
            found.append(Detections.build(one.boxes, scores, one.labels, one.width, one.height))
        return found


@pytest.fixture
def run(tmp_path: Path) -> Run:
    opened = open_shapes(tmp_path, Shapes())
    generate(opened, Painter(), 5, LocalExecutor(), Log())
    detect(opened, Finder(), 5, LocalExecutor(), Log())
    detect(opened, Squinting(word="squint@w1"), 5, LocalExecutor(), Log())
    return opened


def test_verdicts_are_those_of_the_scores(run: Run) -> None:
    judging = Judging.by_default(run.expected.benchmark)
    verdicts = {}
    for name in PAIR:
        score(run, Log(), judging, detector=name)
        verdicts[name] = {(v["prompt_id"], v["index"]): v for v in read_verdicts(run)}
    found = agree(run, PAIR, Log())

    keys = run.expected.keys()
    pairs = [tuple(bool(verdicts[name][key]["correct"]) for name in verdicts) for key in keys]
    whole = found.groups[ALL]
    counted = (whole.both, whole.only_first, whole.only_second, whole.neither)
    kinds = ((True, True), (True, False), (False, True), (False, False))
    assert counted == tuple(pairs.count(kind) for kind in kinds)
    assert whole.only_first > 0
    tasks = {prompt.task for prompt in run.expected.prompts}
    assert set(found.groups) == {ALL, *tasks}
    assert sum(found.groups[task].count for task in tasks) == len(keys) == whole.count
    differ = {(flip.prompt.id, flip.index) for flip in found.comparison.flips}
    assert differ == {key for key, pair in zip(keys, pairs, strict=True) if pair[0] != pair[1]}


def test_a_detector_agrees_with_itself(run: Run) -> None:
    pair = ("finder@w1", "finder@w1")
    found = agree(run, pair, Log())
    assert found.groups[ALL].rate == 1
    report = agreement_report(found)
    (table,) = report.tables
    assert table.rows[0][:2] == ["all", "24"]
    assert table.rows[0][2].startswith("100.00")
    assert json.loads(report.text("json"))["tasks"]["all"]["agree"] == 100
    report = agreement_report(agree(run, pair, Log(), threshold=1.0))
    assert report.tables[0].rows[0][3] == UNDEFINED
    assert json.loads(report.text("json"))["tasks"]["all"]["kappa"] is None


def test_images_that_only_one_has_seen_are_no_ground_for_a_comparison(tmp_path: Path) -> None:
    part = open_shapes(tmp_path, selection=Selection(limit=1))
    generate(part, Painter(), 5, LocalExecutor(), Log())
    detect(part, Finder(), 5, LocalExecutor(), Log())
    whole = open_shapes(tmp_path)
    generate(whole, Painter(), 5, LocalExecutor(), Log())
    detect(whole, Finder(word="other@w1"), 5, LocalExecutor(), Log())
    with pytest.raises(UserError, match=r"22 of 24 images were judged by only one of"):
        agree(whole, ("finder@w1", "other@w1"), Log())
