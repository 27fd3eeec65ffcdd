"""Differences, p-values and flips of runs whose right images are known."""

from __future__ import annotations

from math import isnan, sqrt
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from spatialbench.prompts import Prompt
from spatialbench.reports.compare.comparison import ALL, compare
from spatialbench.statistics.holm import holm

from ..scored_runs import scored_run


def _number(prompt: Prompt) -> int:
    return int(prompt.id)


def _third(prompt: Prompt, index: int) -> bool:
    return _number(prompt) % 3 == 0


def _half(prompt: Prompt, index: int) -> bool:
    return _number(prompt) % 2 == 0


def test_values_and_flips_are_counted(tmp_path: Path) -> None:
    """60 prompts with 2 images: a third is right before, a half after, a sixth in both."""
    a, b = scored_run(tmp_path / "a", _third), scored_run(tmp_path / "b", _half)
    (found,) = compare(a, [b])
    change = found.groups[ALL]["right"]
    assert (change.first, change.second) == pytest.approx((100 / 3, 50))
    assert change.difference.value == pytest.approx(50 / 3)
    assert (found.gained, found.lost) == (40, 20)
    assert found.p_mcnemar == pytest.approx(stats.binomtest(20, 60).pvalue)
    for flip in found.flips:
        assert flip.gained == (_number(flip.prompt) % 2 == 0)
        assert (flip.before.endswith("wrong"), flip.after.endswith("right")) == (flip.gained,) * 2


def test_smallest_difference_is_that_of_the_paired_t_test(tmp_path: Path) -> None:
    """80 % power at 5 %: 2.802 standard errors of the mean of the prompts' differences."""
    a, b = scored_run(tmp_path / "a", _third), scored_run(tmp_path / "b", _half)
    (found,) = compare(a, [b], resamples=8000)
    numbers = np.arange(60)
    differences = (numbers % 2 == 0).astype(float) - (numbers % 3 == 0)
    error = 100 * differences.std() / sqrt(60)
    assert found.groups[ALL]["right"].smallest == pytest.approx(2.802 * error, rel=0.03)


def test_holm_over_runs_and_over_groups(tmp_path: Path) -> None:
    runs = [
        scored_run(tmp_path / "a", _third),
        scored_run(tmp_path / "b", _half),
        scored_run(tmp_path / "c", lambda p, i: _third(p, i) or _number(p) % 7 == 0),
    ]
    comparisons = compare(runs[0], runs[1:])
    whole = {str(i): c.groups[ALL]["right"].difference.p for i, c in enumerate(comparisons)}
    expected = holm(whole)
    for i, comparison in enumerate(comparisons):
        assert comparison.groups[ALL]["right"].p_holm == expected[str(i)]
    parts = {
        f"{i}{task}": c.groups[task]["right"].difference.p
        for i, c in enumerate(comparisons)
        for task in ("above", "left", "right")
    }
    expected = holm(parts)
    for i, comparison in enumerate(comparisons):
        for task in ("above", "left", "right"):
            assert comparison.groups[task]["right"].p_holm == expected[f"{i}{task}"]


def test_a_run_against_its_equal(tmp_path: Path) -> None:
    a = scored_run(tmp_path / "a", _half)
    b = scored_run(tmp_path / "b", _half, method="other")
    (found,) = compare(a, [b])
    change = found.groups[ALL]["right"]
    assert (change.difference.value, change.difference.p, found.p_mcnemar) == (0, 1, 1)
    assert found.flips == []


def test_the_prompts_with_the_largest_change_come_first(tmp_path: Path) -> None:
    """Prompt 5 flips one image, prompt 41 both, and 50 one each way: no net change."""

    def before(prompt: Prompt, index: int) -> bool:
        return prompt.id == "50" and index == 0

    def after(prompt: Prompt, index: int) -> bool:
        return prompt.id == "41" or (prompt.id, index) in {("5", 1), ("50", 1)}

    a, b = scored_run(tmp_path / "a", before), scored_run(tmp_path / "b", after)
    (found,) = compare(a, [b])
    keys = [(flip.prompt.id, flip.index) for flip in found.flips]
    assert keys == [("41", 0), ("41", 1), ("5", 1), ("50", 0), ("50", 1)]


def test_other_seeds_leave_mcnemar_out(tmp_path: Path) -> None:
    a = scored_run(tmp_path / "a", _half)
    b = scored_run(tmp_path / "b", _third, seeds="hashed:7")
    (found,) = compare(a, [b])
    assert isnan(found.p_mcnemar)
    assert not isnan(found.groups[ALL]["right"].difference.p)
    assert any("paired by prompt" in note for note in found.pairing.notes)
