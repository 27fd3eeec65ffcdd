"""The metrics: the worked example, the identities between them, and what is undefined."""

from __future__ import annotations

from collections.abc import Callable
from math import isclose, isnan
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatialbench.benchmarks.visor.metrics import METRICS, undefined
from spatialbench.benchmarks.visor.plugin import PLUGIN
from spatialbench.benchmarks.visor.prompts import prompts
from spatialbench.plugins import ScoreTable, Verdict
from spatialbench.plugins.metric import ratios, values
from spatialbench.statistics.bootstrap import intervals
from tests.printed import printed

ALL = prompts("all")


def verdict(a: bool, b: bool, hit: bool) -> Verdict:
    return Verdict(hit, float(hit), "", {"found_a": a, "found_b": b})


HIT, MISS, ONE, NONE = (
    verdict(True, True, True),
    verdict(True, True, False),
    verdict(True, False, False),
    verdict(False, False, False),
)
AsTable = Callable[..., ScoreTable]


def test_worked_example(as_table: AsTable) -> None:
    """Run through the official script; prompt 8 is an 'and' prompt and does not count."""
    rows = [(ALL[0], k, HIT) for k in range(4)]
    rows += [(ALL[3], 0, HIT), (ALL[3], 1, MISS), (ALL[3], 2, ONE), (ALL[8], 0, MISS)]
    got = {key: round(value, 2) for key, value in printed(PLUGIN, as_table(rows)).items()}
    assert got == {
        "OA": 85.71,
        "VISOR_uncond": 71.43,
        "VISOR_cond": 83.33,
        "VISOR_1": 100.0,
        "VISOR_2": 50.0,
        "VISOR_3": 50.0,
        "VISOR_4": 50.0,
        "OA_A": 100.0,
        "OA_B": 85.71,
    }
    assert list(got) == [metric.key for metric in METRICS]
    assert [metric.key for metric in METRICS if not metric.headline] == ["OA_A", "OA_B"]


def test_surplus_and_missing_images(as_table: AsTable) -> None:
    rows = [(ALL[0], k, HIT if k < 4 else NONE) for k in range(6)]
    rows += [(ALL[1], k, HIT) for k in range(3)]
    got = printed(PLUGIN, as_table(rows))
    assert (got["VISOR_3"], got["VISOR_4"]) == (100.0, 50.0)


def test_a_prompt_without_images_is_in_no_denominator(as_table: AsTable) -> None:
    table = as_table([(ALL[0], 0, HIT), (ALL[1], 0, NONE)])
    wider = ScoreTable((*table.prompts, ALL[2]), table.prompt_row, table.index, table.columns)
    assert printed(PLUGIN, wider) == printed(PLUGIN, table)
    assert printed(PLUGIN, table)["VISOR_1"] == 50.0


def test_nothing_to_divide_by(as_table: AsTable) -> None:
    nothing = printed(PLUGIN, as_table([(ALL[8], 0, MISS)]))
    assert all(isnan(value) for value in nothing.values())
    never_both = printed(PLUGIN, as_table([(ALL[0], 0, ONE), (ALL[0], 1, NONE)]))
    assert isnan(never_both.pop("VISOR_cond"))
    assert never_both == {key: 50.0 if key == "OA_A" else 0.0 for key in never_both}


@pytest.mark.parametrize("images", [1, 2, 3, 4, 5])
def test_at_least_n_of_fewer_is_undefined_and_not_0(as_table: AsTable, images: int) -> None:
    """Every image is right, so that the defined ones are 100."""
    table = as_table([(ALL[10 * p], k, HIT) for p in range(5) for k in range(images)])
    got = values(METRICS, table)
    bounds = intervals(ratios(METRICS, table), [str(p) for p in range(5)])
    for n in range(1, 5):
        key = f"VISOR_{n}"
        assert isnan(got[key]) == isnan(bounds[key][0]) == (n > images)
        assert (key in undefined(table)) == (n > images)
        assert got[key] == 100 or n > images


def test_a_prompt_that_lacks_an_image_counts_as_the_official_script_counts_it(
    as_table: AsTable,
) -> None:
    """One of two prompts has all four: VISOR_4 is defined, and the other counts against it."""
    rows = [(ALL[0], k, HIT) for k in range(4)] + [(ALL[10], k, HIT) for k in range(3)]
    got = values(METRICS, as_table(rows))
    assert (got["VISOR_3"], got["VISOR_4"]) == (100.0, 50.0)
    assert undefined(as_table(rows)) == {}


def test_what_is_undefined_has_its_reason(as_table: AsTable) -> None:
    reasons = undefined(as_table([(ALL[0], 0, ONE), (ALL[0], 1, NONE)]))
    assert reasons["VISOR_cond"] == "no image shows both objects"
    assert reasons["VISOR_3"] == "it needs 3 images per prompt, and no prompt has more than 2"
    nothing = as_table([(ALL[8], 0, MISS)])
    assert undefined(nothing).keys() == printed(PLUGIN, nothing).keys()


verdicts = st.sampled_from([HIT, MISS, ONE, NONE])


@given(st.lists(st.lists(verdicts, min_size=4, max_size=4), min_size=1, max_size=12))
def test_identities(as_table: AsTable, runs: list[list[Verdict]]) -> None:
    rows = [(ALL[10 * p], k, v) for p, images in enumerate(runs) for k, v in enumerate(images)]
    got = printed(PLUGIN, as_table(rows))
    uncond = got["VISOR_uncond"]
    assert isclose(uncond, sum(got[f"VISOR_{n}"] for n in range(1, 5)) / 4, abs_tol=1e-9)
    if got["OA"]:
        assert isclose(uncond, got["OA"] * got["VISOR_cond"] / 100, abs_tol=1e-9)
    assert got["OA"] <= min(got["OA_A"], got["OA_B"])


@given(st.lists(st.tuples(st.integers(0, 60), verdicts), min_size=1, max_size=40))
def test_ratios_are_the_same_metrics(as_table: AsTable, images: Any) -> None:
    table = as_table([(ALL[p], k, v) for k, (p, v) in enumerate(images)])
    point = printed(PLUGIN, table)
    parts = {metric.key: metric.ratio(table) for metric in METRICS}
    assert list(point) == list(parts)
    for key, value in point.items():
        part = parts[key]
        assert part is not None
        (ratio,) = part.parts
        assert ratio.numerator.shape == ratio.denominator.shape == (len(table.prompts),)
        total = ratio.denominator.sum()
        again = part.scale * ratio.numerator.sum() / total if total else np.nan
        assert again == pytest.approx(value, abs=1e-9, nan_ok=True)
