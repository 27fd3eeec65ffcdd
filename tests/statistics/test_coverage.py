"""A short form of the coverage study, and the committed table of the long one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spatialbench.plugins.metric import values

from ..measurements.visor_coverage import (
    ALARMS,
    CORRELATIONS,
    COVERAGE,
    METRICS,
    PROMPTS,
    World,
    alarmed,
    covered,
    shares,
)

TABLE = Path(__file__).parents[2] / "results" / "statistics" / "visor-coverage.md"


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.6])
def test_the_simulated_world_is_what_it_says(correlation: float) -> None:
    """Truth and correlation, from 25,280 prompts."""
    world = World.of(25_280, correlation)
    rng = np.random.default_rng(3)
    table = world.run(rng, world.rates(rng))
    measured, truth = values(world.benchmark.metrics, table), world.truth()
    for key in METRICS:
        assert measured[key] == pytest.approx(truth[key], abs=2.5)
    for column in ("found_a", "found_b"):
        found = np.asarray(table.columns[column], dtype=float).reshape(-1, 4)
        pairs = np.corrcoef(found.T)[np.triu_indices(4, 1)]
        assert pairs.mean() == pytest.approx(correlation, abs=0.03)


def test_few_simulations_cover_about_as_often_as_they_should() -> None:
    """60 runs: a nominal 95 % interval covers fewer than 50 times less than once in 3,000."""
    world = World.of(400, 0.3)
    for share in shares(covered(world, 60, 5)).values():
        assert share >= 100 * 50 / 60
    for share in shares(alarmed(world, 60, 5)).values():
        assert share <= 100 * 10 / 60


def test_the_committed_table() -> None:
    """93 to 97 % covered and 4 to 6 % false alarms: every metric, size and correlation."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in TABLE.read_text().splitlines()
        if line.startswith(("| coverage", "| false alarms"))
    ]
    assert {tuple(row[:3]) for row in rows} == {
        (what, f"{prompts:,}", str(correlation))
        for what in (COVERAGE, ALARMS)
        for prompts in PROMPTS
        for correlation in CORRELATIONS
    }
    for what, _, _, *cells in rows:
        low, high = (93, 97) if what == COVERAGE else (4, 6)
        assert len(cells) == len(METRICS)
        assert all(low <= float(cell) <= high for cell in cells)
