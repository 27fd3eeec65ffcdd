"""The price that is read from the facts of verdicts."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatialbench import plugins
from spatialbench.detections import Detections
from spatialbench.executors.local import LocalExecutor
from spatialbench.plugins import ScoreTable, Verdict
from spatialbench.runs.signature import Signature
from spatialbench.scoring.price import price
from spatialbench.scoring.score import score
from spatialbench.scoring.summarise import Heading, summarise
from spatialbench.scoring.verdicts import build_table
from spatialbench.stages.detect import detect
from spatialbench.stages.generate import generate
from tests.stages.fakes import Finder, Log, Painter, make_prompts, open_shapes

SIGNATURE = Signature("visor/1", "visor-centroid/1", "finder@w1", 0.1, 1, 2, "0.1.0")


def facts_table(**facts: list[float]) -> ScoreTable:
    size = len(next(iter(facts.values())))
    rows = [
        (0, k, Verdict(False, 0.0, "", {name: column[k] for name, column in facts.items()}))
        for k in range(size)
    ]
    return build_table(make_prompts(1), rows)[0]


def test_by_hand() -> None:
    table = facts_table(
        n_a=[1, 3, 0], n_b=[2, 0, 0], conf_a=[0.5, 0.9, 0.05], conf_b=[0.7, 0.02, 0.0]
    )
    # Found: A in two images, B in one. Beyond the first: 1 B in the first, 2 A in the second.
    assert price(table) == pytest.approx({"confidence": 70.0, "duplicates": 1.0})


def test_what_the_facts_do_not_allow_is_absent() -> None:
    assert price(facts_table(found=[True])) == {}
    assert price(facts_table(found_a=[1], n_a=[2])) == {"duplicates": 1.0}
    only_found = facts_table(found_a=[True, False], found_all=[True, False], conf_a=[0.4, 0.3])
    assert price(only_found) == pytest.approx({"confidence": 40.0})


def test_nothing_found_is_undefined_and_not_zero() -> None:
    priced = price(facts_table(n_a=[0, 0], conf_a=[0.01, 0.0]))
    assert math.isnan(priced["confidence"])
    assert priced["duplicates"] == 0


_image = st.lists(st.tuples(st.booleans(), st.floats(0, 1, width=32)), max_size=6)


@given(st.lists(_image, min_size=2, max_size=2))
def test_visor_against_the_boxes_themselves(images: list[list[tuple[bool, float]]]) -> None:
    benchmark = plugins.load("benchmark", "visor")
    prompt = benchmark.prompts("relational")[0]
    rule, limit = benchmark.rules["official"], float(np.float32(0.1))
    rows, best, beyond = [], [], 0
    for index, boxes in enumerate(images):
        labels = [prompt.objects[int(second)] for second, _ in boxes]
        scores = [value for _, value in boxes]
        found = Detections.build([[0, 0, 1, 1]] * len(boxes), scores, labels, 9, 9)
        rows.append((0, index, rule.judge(prompt, found, 0.1)))
        for name in prompt.objects:
            above = [s for s, label in zip(scores, labels, strict=True) if label == name]
            above = [s for s in above if s > limit]
            best += [max(above)] if above else []
            beyond += max(len(above) - 1, 0)
    table, _ = build_table([prompt], rows)
    summary = summarise(benchmark, table, Heading("sd", "lab", "relational", SIGNATURE))
    for part in (summary, summary.groups[prompt.task]):
        assert part.price["duplicates"] == beyond / 2
        expected = pytest.approx(100 * np.mean(best), abs=1e-9) if best else None
        assert part.price["confidence"] == expected


def test_a_summary_of_an_older_form_is_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = open_shapes(tmp_path)
    generate(run, Painter(), 4, LocalExecutor(), Log())
    detect(run, Finder(), 4, LocalExecutor(), Log())
    with monkeypatch.context() as patch:
        patch.setattr("spatialbench.scoring.own_summary.FORMAT", 1)
        old = score(run, Log())
    new = score(run, Log())
    assert json.loads((tmp_path / "summary.json").read_text()) == new.document()
    # Of these the second is a hash of all the rest.
    keys = ("inputs", "summary_sha256")
    assert all(getattr(old, key) != getattr(new, key) for key in keys)
    assert old == new.model_copy(update={key: getattr(old, key) for key in keys})


def test_a_rule_may_count_the_duplicates_itself() -> None:
    assert price(facts_table(duplicates=[2, 0, 1], found_all=[True] * 3)) == {"duplicates": 1.0}
    assert price(facts_table(duplicates=[0], n_a=[5]))["duplicates"] == 0
