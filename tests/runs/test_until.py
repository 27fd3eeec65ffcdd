"""Aims of a run, and the prompts of the looks on the way there."""

from __future__ import annotations

from math import ceil, nan

import numpy as np
import pytest

from spatialbench.errors import UserError
from spatialbench.runs.until import Looks, Until, half_width
from spatialbench.statistics.bootstrap import intervals
from spatialbench.statistics.power import half_width as planned_half
from spatialbench.statistics.power import standard_error
from spatialbench.statistics.ratios import MeanOfRatios, Ratio


@pytest.mark.parametrize(
    "text",
    ["VISOR_uncond±1.5", "VISOR_uncond+-1.5", " VISOR_uncond +/- 1.5 % ", "VISOR_uncond+-1.50"],
)
def test_an_aim_is_read_in_every_usual_form(text: str) -> None:
    until = Until.parse(text)
    assert until == Until("VISOR_uncond", 1.5)
    assert (str(until), until.shown) == ("VISOR_uncond+-1.5", "VISOR_uncond ±1.5")
    assert Until.parse(str(until)) == until


@pytest.mark.parametrize("text", ["VISOR_uncond", "±1", "OA±0", "OA±-1", "OA±nan", "OA±1±2"])
def test_what_is_no_aim(text: str) -> None:
    with pytest.raises(UserError, match="is no aim"):
        Until.parse(text)


def test_looks_grow_by_what_the_interval_says_and_never_by_too_much() -> None:
    until = Until("OA", 2.0)
    # A third of the width wants nine times the prompts, of which a look takes four.
    assert until.next(100, 6.0, 10_000) == 400
    assert until.next(100, 3.0, 10_000) == 225
    assert until.next(100, 2.5, 10_000) == 157
    assert until.next(100, 2.01, 10_000) == 110
    assert until.next(100, nan, 10_000) == 200
    assert until.next(100, 4.0, 130) == 130
    assert until.reached(2.0)
    assert not until.reached(nan)


def test_the_looks_end_after_two_narrow_ones_in_a_row() -> None:
    looks = Looks(Until("OA", 2.0), 10_000)
    seen = []
    for half in (4.0, 1.9, 2.1, nan, 1.9):
        seen.append(looks.prompts)
        assert looks.go_on(half)
    assert seen == [100, 400, 440, 486, 972]
    assert (looks.prompts, looks.go_on(2.0), looks.prompts) == (1070, False, 1070)
    few = Looks(Until("OA", 2.0), 120)
    assert (few.prompts, few.go_on(5.0), few.prompts, few.go_on(4.0)) == (100, True, 120, False)


def test_the_plan_is_what_simulated_runs_take() -> None:
    """Runs whose intervals are those of tables, held to the two numbers that a plan prints."""
    rate, images, reach = 0.36, 4, 5.0
    rng, until = np.random.default_rng(7), Until("m", reach)
    enough = (100 * planned_half(standard_error(rate, 1, images, 0.3)) / reach) ** 2
    names = [str(prompt) for prompt in range(ceil(2 * enough))]
    ends = []
    for _ in range(80):
        hits = rng.binomial(images, rng.beta(rate * 7 / 3, (1 - rate) * 7 / 3, len(names)))
        looks, more = Looks(until, len(names)), True
        while more:
            size = looks.prompts
            shares = Ratio(hits[:size].astype(float), np.full(size, float(images)))
            found = intervals({"m": MeanOfRatios([shares])}, names[:size])["m"]
            more = looks.go_on(half_width(*found))
        ends.append(looks.prompts)
    mean, most = until.takes(enough, len(names))
    assert np.mean(ends) == pytest.approx(mean, rel=0.03)
    assert np.quantile(ends, 0.95) == pytest.approx(most, rel=0.08)
    # The tenth that the second look takes, and more, because half of the looks near there are wide.
    assert np.mean(ends) > 1.1 * enough
