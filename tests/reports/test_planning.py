"""Plans from assumptions, and lessons from runs whose spread is known."""

from __future__ import annotations

from math import hypot, isnan, sqrt
from pathlib import Path

import pytest

from spatialbench.reports.compare.comparison import compare
from spatialbench.reports.designs import Assumptions, needed
from spatialbench.reports.planning import lesson_report, lessons, plan
from spatialbench.reports.view import View

from .scored_runs import scored_run


def test_genevals_position_task() -> None:
    """100 prompts with four images at 50 %: figures worked out apart from this code."""
    found = plan(Assumptions(0.5, 4, 0.3, 0.0), 100)
    assert found.images == 400
    assert found.half_width == pytest.approx(6.75, abs=0.01)
    # Significant from 1.96 x sqrt(2) standard errors; found four times in five from 2.80 of them.
    assert found.unpaired == pytest.approx(9.55 * 2.8016 / 1.96, abs=0.02)
    assert found.paired == found.unpaired


def test_the_prompts_needed_are_just_enough() -> None:
    assumed = Assumptions(0.4, 4, 0.2, 0.6)
    prompts = needed(assumed, 3.0)
    assert plan(assumed, prompts).paired <= 3.0 < plan(assumed, prompts - 1).paired


def test_lessons_of_a_run(tmp_path: Path) -> None:
    """Both images of a prompt agree: each image says half of what an independent one would."""
    a = scored_run(tmp_path / "a", lambda p, k: int(p.id) % 2 == 0)
    b = scored_run(tmp_path / "b", lambda p, k: int(p.id) % 4 == 0, method="other")
    (alone,) = lessons(a, None, 5.0)
    error = 100 * sqrt(0.25 / 60)
    assert a.result.design_effects["right"] == alone.effect
    assert alone.effect == pytest.approx(2 * 60 / 59)
    assert alone.half_width == pytest.approx(1.96 * error, rel=0.08)
    assert alone.unpaired == pytest.approx(2.8016 * sqrt(2) * error, rel=0.08)
    assert isnan(alone.paired)
    assert alone.prompts == pytest.approx(60 * (alone.unpaired / 5) ** 2, abs=1)
    (pair,) = lessons(a, compare(a, [b])[0], 5.0)
    # A quarter of the prompts lose, none gain.
    assert pair.paired == pytest.approx(2.8016 * 100 * sqrt(0.25 * 0.75 / 60), rel=0.05)
    assert pair.prompts == pytest.approx(60 * (pair.paired / 5) ** 2, abs=1)


def test_two_runs_both_count(tmp_path: Path) -> None:
    """One is right in half of the prompts, the other in a tenth: its interval is narrower."""
    a = scored_run(tmp_path / "a", lambda p, k: int(p.id) % 2 == 0)
    b = scored_run(tmp_path / "b", lambda p, k: int(p.id) % 10 == 1, method="other")
    comparison = compare(a, [b])[0]
    (found,) = lessons(a, comparison, 5.0)
    assert found.value == 50.0
    assert found.other == pytest.approx(10.0)
    errors = [100 * sqrt(share * (1 - share) / 60) for share in (0.5, 0.1)]
    assert found.other_half_width == pytest.approx(1.96 * errors[1], rel=0.15)
    assert found.unpaired == pytest.approx(2.8016 * hypot(*errors), rel=0.1)
    (alone,) = lessons(a, None, 5.0)
    assert found.unpaired < 0.9 * alone.unpaired
    text = lesson_report(a, comparison, [found], 5.0).text("table", View(signature=True))
    assert "± B" in text
    assert f"B: {b.result.signature}" in text
    assert "paired over 120 images of 60 prompts" in text
