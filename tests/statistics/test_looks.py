"""A paired test at several looks: prefixes of one order, levels, intervals that hold together."""

from __future__ import annotations

import numpy as np
import pytest

from spatialbench.statistics.looks import Look, looks
from spatialbench.statistics.paired import paired_difference
from spatialbench.statistics.ratios import MeanOfRatios, Ratio
from spatialbench.statistics.spending import levels

NAMES = [f"pair {i // 2}" for i in range(200)]


def _share(hits: np.ndarray[tuple[int], np.dtype[np.float64]]) -> dict[str, MeanOfRatios]:
    return {"m": MeanOfRatios((Ratio(hits, np.full(len(hits), 4.0)),))}


def _made(drop: float, seed: int = 1, prompts: int = 200) -> list[Look]:
    rng = np.random.default_rng(seed)
    first = rng.binomial(4, 0.5, prompts).astype(float)
    second = rng.binomial(4, 0.5 - drop, prompts).astype(float)
    names = NAMES[:prompts]
    return list(looks(_share(first), _share(second), names, 200, alphas={"m": 0.05}))


def test_each_look_is_the_paired_test_of_the_first_prompts() -> None:
    rng = np.random.default_rng(5)
    first, second = (rng.binomial(4, 0.5, 200).astype(float) for _ in range(2))
    found = list(looks(_share(first), _share(second), NAMES, 200, alphas={"m": 0.05}))
    assert [look.prompts for look in found] == [40, 80, 120, 160, 200]
    assert [look.levels["m"] for look in found] == levels([0.2, 0.4, 0.6, 0.8, 1.0])
    alone = paired_difference(_share(first[:80]), _share(second[:80]), NAMES[:80], 4000)["m"]
    assert found[1].differences["m"].value == alone.value
    assert found[1].differences["m"].p == alone.p


def test_looks_that_the_prompts_do_not_reach_are_not_made() -> None:
    assert len(_made(0.0, prompts=130)) == 3
    assert len(_made(0.0, prompts=39)) == 0
    # What was seen before does not change when more images come.
    assert _made(0.0, prompts=200)[:3] != []
    with pytest.raises(ValueError, match="for a plan of"):
        list(looks(_share(np.ones(4)), _share(np.ones(4)), NAMES[:4], 3, alphas={"m": 0.05}))


def test_a_large_loss_stops_early_and_none_does_not() -> None:
    assert not any(look.crossed("m") for look in _made(0.0))
    crossed = [look.number for look in _made(0.2) if look.crossed("m")]
    assert crossed[0] < 5


def test_intervals_shrink_and_one_look_is_nearly_the_bootstrap() -> None:
    widths = [d.high - d.low for look in _made(0.1) for d in look.differences.values()]
    assert widths == sorted(widths, reverse=True)
    rng = np.random.default_rng(2)
    first, second = (rng.binomial(4, 0.5, 200).astype(float) for _ in range(2))
    (look,) = looks(_share(first), _share(second), NAMES, 200, alphas={"m": 0.05}, count=1)
    own, usual = look.differences["m"], paired_difference(_share(first), _share(second), NAMES)["m"]
    assert (own.low, own.high) == pytest.approx((usual.low, usual.high), abs=0.4)


def test_where_nothing_changed_few_images_exclude_little() -> None:
    """No changed cluster of m: Wilson's bound z² / (m + z²), and never a width of nothing."""
    hits = np.full(200, 2.0)
    found = list(looks(_share(hits), _share(hits), NAMES, 200, alphas={"m": 0.05}))
    last = found[-1].differences["m"]
    assert last.value == 0
    # Student's quantile of 100 clusters for a two-sided p of 0.0423 is about 2.06.
    assert last.high == pytest.approx(100 * 2.07**2 / (100 + 2.07**2), rel=0.02)
    highs = [look.differences["m"].high for look in found]
    assert highs == sorted(highs, reverse=True)
    # One changed image is no better known than none.
    other = hits.copy()
    other[0] = 1
    one = next(looks(_share(hits), _share(other), NAMES, 200, alphas={"m": 0.05}))
    assert one.differences["m"].low < -4


def test_the_level_is_kept_over_all_looks() -> None:
    """Runs of one method: some look finds a difference in about 5 % of them."""
    alarms = [any(look.crossed("m") for look in _made(0.0, seed)) for seed in range(100, 220)]
    assert sum(alarms) <= 12
