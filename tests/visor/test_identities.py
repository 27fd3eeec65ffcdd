"""VISOR's two identities: true of our own numbers, and of printed ones within their rounding."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatialbench import plugins
from spatialbench.benchmarks.visor.identities import violations
from spatialbench.benchmarks.visor.plugin import PLUGIN
from spatialbench.benchmarks.visor.prompts import prompts
from spatialbench.plugins import ScoreTable
from spatialbench.reports.published import contradictions
from tests.printed import printed

COUNTS = st.lists(
    st.lists(st.tuples(st.booleans(), st.booleans()), min_size=4, max_size=4),
    min_size=1,
    max_size=12,
)


@given(COUNTS)
def test_our_own_numbers_obey_both(images: list[list[tuple[bool, bool]]]) -> None:
    chosen = prompts()[: len(images)]
    flat = [image for prompt in images for image in prompt]
    both = np.array([seen for seen, _ in flat])
    right = np.array([seen and hit for seen, hit in flat])
    table = ScoreTable(
        chosen,
        np.repeat(np.arange(len(chosen)), 4),
        np.tile(np.arange(4), len(chosen)),
        {"found_a": both, "found_b": both, "correct": right, "score": right.astype(float)},
    )
    found = printed(PLUGIN, table)
    assert violations(found, 1e-7, True) == []
    rounded = {key: round(value, 2) for key, value in found.items()}
    assert violations(rounded, 0.005, True) == []


def test_what_is_broken_is_named() -> None:
    row = {"OA": 63.2, "VISOR_cond": 98.14, "VISOR_uncond": 62.03}
    assert violations(row, 0.005, True) == []
    assert violations({**row, "VISOR_uncond": 62.3}, 0.005, True) == [
        "OA x VISOR_cond gives 62.02, not 62.3"
    ]
    levels = {"VISOR_1": 85.02, "VISOR_2": 71.29, "VISOR_3": 56.03, "VISOR_4": 33.73}
    compass = {"VISOR_uncond": 62.06, **levels}
    assert violations(compass, 0.005, True) == [
        "the mean of VISOR_1 to VISOR_4 is 61.52, not 62.06"
    ]
    assert violations(compass, 0.005, False) == []


@pytest.mark.parametrize(
    ("small", "large", "whole"),
    [
        ("VISOR_uncond", "OA", False),
        ("VISOR_uncond", "VISOR_cond", False),
        ("VISOR_2", "VISOR_1", True),
        ("VISOR_4", "VISOR_1", True),
        ("VISOR_4", "VISOR_uncond", True),
        ("VISOR_uncond", "VISOR_1", True),
    ],
)
def test_cells_that_are_given_stand_in_their_order(small: str, large: str, whole: bool) -> None:
    said = f"{small} is 30.02, and it cannot be above {large}, 30"
    assert violations({small: 30.02, large: 30.0}, 0.005, True) == [said]
    assert violations({small: 30.02, large: 30.0}, 0.005, False) == [said] * (not whole)
    assert violations({small: 30.01, large: 30.0}, 0.005, True) == []
    assert violations({small: 30.02, large: float("nan")}, 0.005, True) == []


@pytest.mark.parametrize("name", ["visor", "geneval", "t2i-compbench"])
def test_no_shipped_row_breaks_an_identity_unmarked(name: str) -> None:
    benchmark = plugins.load("benchmark", name)
    assert contradictions(benchmark.published(), benchmark) == []
