"""A metric's number is its ratio's, and what is no metric is refused with the plug-in's name."""

from __future__ import annotations

from math import isnan, nan
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatialbench.errors import UserError
from spatialbench.plugins import Benchmark, Metric, RulePlugin, ScoreTable, share
from spatialbench.plugins.members import checked
from spatialbench.plugins.metric import ratios, values, why_undefined
from spatialbench.plugins.rule_plugin import shares
from spatialbench.statistics.ratios import MeanOfRatios, Ratio
from tests.stages.fakes import Shapes, make_prompts

images = st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.booleans()), max_size=30)


def table_of(rows: list[tuple[int, bool, bool]], **columns: Any) -> ScoreTable:
    made = {
        "correct": np.array([right for _, right, _ in rows], dtype=bool),
        "found_all": np.array([found for _, _, found in rows], dtype=bool),
        **columns,
    }
    row = np.array([prompt for prompt, _, _ in rows], dtype=np.int64)
    return ScoreTable(make_prompts(4), row, np.arange(len(rows)), made)


@given(images)
def test_a_share_is_the_mean_of_its_fact(rows: list[tuple[int, bool, bool]]) -> None:
    found = values([share("right", "right images", "correct")], table_of(rows))["right"]
    hits = [right for _, right, _ in rows]
    assert found == pytest.approx(100 * sum(hits) / len(hits) if hits else nan, nan_ok=True)


@given(images)
def test_a_rules_shares_are_over_the_judged_images(rows: list[tuple[int, bool, bool]]) -> None:
    judged = np.arange(len(rows)) % 3 > 0
    table = table_of(rows, judged=judged)
    found = values(shares("NEAR", {"": "correct"}), table)
    counted = [row for row, counts in zip(rows, judged, strict=True) if counts]
    both = [row for row in counted if row[2]]
    expected = {
        "OA": (len(both), len(counted)),
        "NEAR": (sum(right for _, right, _ in counted), len(counted)),
        "NEAR_cond": (sum(right for _, right, _ in counted), len(both)),
    }
    assert list(found) == list(expected)
    for key, (hits, images) in expected.items():
        assert found[key] == pytest.approx(100 * hits / images if images else nan, nan_ok=True)


def test_what_is_computed_once_is_computed_once() -> None:
    table, other = table_of([(0, True, True)]), table_of([(0, True, True)])
    calls: list[ScoreTable] = []

    def compute(given: ScoreTable) -> int:
        calls.append(given)
        return len(calls)

    assert [table.once(compute), table.once(compute), other.once(compute)] == [1, 1, 2]
    assert table.sums("correct") is table.sums("correct")
    assert table.sums().tolist() == [1, 0, 0, 0]


def test_undefined_absent_and_exact() -> None:
    table = table_of([(0, True, True), (1, False, True)])

    def half(table: ScoreTable) -> MeanOfRatios:
        return MeanOfRatios((Ratio(table.sums("correct"), table.sums()),))

    metrics = [
        Metric("plain", "", half),
        Metric("absent", "", lambda table: None),
        Metric("exact", "", half, exact=lambda table: 50.000001),
        Metric("reasoned", "", half, undefined=lambda table: "nobody knows"),
        Metric("no_sums", "", lambda table: None, undefined=lambda table: "nobody counted"),
    ]
    found = values(metrics, table)
    assert {key: value for key, value in found.items() if not isnan(value)} == {
        "plain": 50.0,
        "exact": 50.000001,
    }
    assert list(found) == ["plain", "exact", "reasoned", "no_sums"]
    assert why_undefined(metrics, table) == {
        "reasoned": "nobody knows",
        "no_sums": "nobody counted",
    }
    made = ratios(metrics, table)
    assert list(made) == ["plain", "exact", "reasoned"]
    assert isnan(made["reasoned"].value())
    # What the formula gives is there for those who ask for it.
    assert metrics[3].computed(table) == 50.0


def test_a_mean_of_ratios_is_the_plain_mean() -> None:
    ones, halves = np.ones(4), np.full(4, 0.5)
    assert MeanOfRatios((Ratio(halves, ones), Ratio(ones, ones)), scale=10).value() == 7.5
    assert isnan(MeanOfRatios((Ratio(ones, ones), Ratio(ones, np.zeros(4)))).value())


@pytest.mark.parametrize("key", ["", "R@1", "two words", "größe", "a-b", 3])
def test_a_key_is_a_word(key: Any) -> None:
    with pytest.raises(ValueError, match="expected letters, digits and underscores"):
        share(key, "", "correct")


@pytest.mark.parametrize(
    ("metrics", "said"),
    [
        ((share("OA", "", "correct"),) * 2, "mine has two metrics with the key OA"),
        (("OA",), r"mine has metrics = \('OA',\): expected spatialbench.plugins.Metric objects"),
        ((share("OA", "", "correct", headline=False),), "expected .*, some of them headline"),
        ((), r"mine has metrics = \(\)"),
    ],
)
def test_what_are_no_metrics_is_refused_with_the_plugins_name(metrics: Any, said: str) -> None:
    class Mine(Shapes):
        """With other metrics."""

    plugin = Mine()
    plugin.metrics = metrics
    with pytest.raises(UserError, match=said):
        checked(plugin, Benchmark, "mine")


def test_a_rule_for_any_benchmark_may_not_have_one_twice() -> None:
    from spatialbench.scoring.rules.catalogue import PSE, GeometryPlugin

    assert checked(PSE, RulePlugin, "pse") is PSE
    twice = GeometryPlugin("twice", "says it twice", PSE.metrics * 2, PSE.make)
    with pytest.raises(UserError, match="twice has two metrics with the key OA"):
        checked(twice, RulePlugin, "twice")
