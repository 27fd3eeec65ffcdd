"""A short form of the coverage study, and the committed table of the long one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ..benchmarks.visor_coverage import METRICS, World, alarmed, covered, shares

TABLE = Path(__file__).parents[2] / "results" / "statistics" / "visor-coverage.md"


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.6])
def test_the_simulated_world_is_what_it_says(correlation: float) -> None:
    """Truth and correlation, from 25,280 prompts."""
    world = World.of(25_280, correlation)
    rng = np.random.default_rng(3)
    table = world.run(rng, world.rates(rng))
    measured, truth = world.benchmark.metrics(table), world.truth()
    for key in METRICS:
        assert measured[key] == pytest.approx(truth[key], abs=2.5)
    found = np.asarray(table.columns["found_a"], dtype=float).reshape(-1, 4)
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
    """1,000 simulations a line: 93 to 97 % covered, and false alarms of 4 to 6 % overall."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in TABLE.read_text().splitlines()
        if line.startswith(("| coverage", "| false alarms"))
    ]
    assert len(rows) == 12
    alarms = []
    for what, _, _, *cells in rows:
        numbers = [float(cell) for cell in cells]
        assert len(numbers) == len(METRICS)
        if what == "coverage":
            assert min(numbers) >= 93
            assert max(numbers) <= 97
        else:
            alarms += numbers
    assert 4 <= float(np.mean(alarms)) <= 6
