"""The cheapest design for a question."""

from __future__ import annotations

import pytest

from spatialbench.reports.designs import Assumptions, designs, needed
from spatialbench.statistics.power import half_width, smallest_difference, standard_error

ASSUMED = Assumptions(0.36, 4, 0.3, 0.5)


def test_one_image_per_prompt_is_cheapest_where_images_are_alike() -> None:
    (found,) = designs(ASSUMED, half=1.0)
    first, second = (one for one in found.found if not one.how.endswith("--until"))
    assert first == found.found[0]
    assert first.how == "--images-per-prompt 1 --seed-scheme hashed"
    # 1.96² · 0.36 · 0.64 / 0.01², and for four images per prompt 1.9 times as many.
    assert first.images == pytest.approx(1.959964**2 * 0.36 * 0.64 / 0.01**2, abs=1)
    assert second.images == pytest.approx(1.9 * first.images, abs=4)
    error = standard_error(0.36, second.prompts, 4, 0.3)
    assert 100 * half_width(error) == pytest.approx(1.0, rel=1e-3)
    assert found.sentence().startswith("cheapest for an interval of ±1: --images-per-prompt 1 --")


def test_a_run_that_stops_by_its_interval_is_planned_with_its_looks() -> None:
    (found,) = designs(ASSUMED, half=1.0)
    by_how = {one.how: one for one in found.found}
    for how in ("--images-per-prompt 1 --seed-scheme hashed", "--images-per-prompt 4"):
        fixed, stops = by_how[how], by_how[f"{how}, --until"]
        assert 1.1 * fixed.images < stops.expected < 1.21 * fixed.images < stops.images
    (only,) = designs(ASSUMED, half=1.0, stopping=True)
    assert [one.how for one in only.found] == [how for how in by_how if how.endswith("--until")]
    # No run makes more than there is.
    (most,) = designs(ASSUMED, half=1.0, whole=4300, stopping=True)
    assert most.found[0].prompts == most.found[0].expected / 4 == 4300


def test_looking_early_is_cheaper_on_average_and_dearer_at_most() -> None:
    (found,) = designs(ASSUMED, difference=3.0)
    by_how = {one.how: one for one in found.found}
    once = by_how["--images-per-prompt 4"]
    early = by_how["--images-per-prompt 4, --sequential"]
    assert once.prompts == needed(ASSUMED, 3.0)
    assert early.expected < once.expected < early.images
    error = standard_error(0.36, once.prompts, 4, 0.3)
    assert 100 * smallest_difference(error) == pytest.approx(3.0, rel=0.01)
    assert found.found[0].how.endswith("hashed, --sequential")


def test_what_the_benchmark_cannot_give_is_not_cheapest() -> None:
    (found,) = designs(ASSUMED, half=1.0, whole=5000)
    assert found.found[0].how == "--images-per-prompt 4"
    (none,) = designs(ASSUMED, half=0.1, whole=5000)
    assert "the benchmark has fewer prompts" in none.sentence()
    assert designs(ASSUMED) == []
