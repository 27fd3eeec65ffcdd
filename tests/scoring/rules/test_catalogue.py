"""Rules for any benchmark, built for one."""

from __future__ import annotations

import pytest

from spatialbench.errors import UserError
from spatialbench.plugins.rule_plugin import shares
from spatialbench.scoring.rules.catalogue import PSE, GeometryPlugin, build, metrics_of
from tests.stages.fakes import Shapes


def test_a_rule_does_not_share_a_benchmarks_column() -> None:
    mine = GeometryPlugin("mine", "says right too", shares("right", {"": "pse"}), PSE.make)
    with pytest.raises(UserError, match="the rule mine and shapes both have a metric right"):
        build(mine, Shapes(), None, {})
    assert build(PSE, Shapes(), None, {}).name == "pse/1"


def test_a_result_has_the_metrics_of_the_rule_that_it_names() -> None:
    assert metrics_of(Shapes(), "first-box/1") is Shapes.metrics
    assert [metric.key for metric in metrics_of(Shapes(), "pse/1")] == ["OA", "PSE", "PSE_cond"]
