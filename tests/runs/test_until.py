"""Aims of a run, and the prompts of the looks on the way there."""

from __future__ import annotations

from math import nan

import pytest

from spatialbench.errors import UserError
from spatialbench.runs.until import Until


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
