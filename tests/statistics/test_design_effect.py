"""Design effect: extreme cases that can be worked out, and a simulation."""

from __future__ import annotations

from math import isnan, sqrt

import numpy as np
import pytest

from spatialbench.statistics.design_effect import design_effect
from spatialbench.statistics.ratios import Ratio


def test_identical_images_in_a_cluster_count_once() -> None:
    """Half the clusters all right, half all wrong: 20 clusters of 4 say what 19 images say."""
    hits = np.array([4.0, 0.0] * 10)
    got = design_effect(Ratio(hits, np.full(20, 4.0)), [str(i) for i in range(20)])
    assert got.value == pytest.approx(4 * 20 / 19)
    assert got.standard_error == pytest.approx(sqrt(0.25 / 19))
    assert got.trials == 80


def test_prompts_of_one_cluster_are_added_up() -> None:
    whole = design_effect(Ratio(np.array([3.0, 1.0]), np.array([8.0, 8.0])), ["a", "b"])
    split = design_effect(
        Ratio(np.array([1.0, 1.0, 2.0]), np.array([4.0, 8.0, 4.0])), ["a", "b", "a"]
    )
    assert split == whole


def test_independent_trials_have_no_design_effect() -> None:
    rng = np.random.default_rng(3)
    hits = rng.binomial(4, 0.3, 20_000).astype(float)
    got = design_effect(Ratio(hits, np.full(20_000, 4.0)), [str(i) for i in range(20_000)])
    assert got.value == pytest.approx(1.0, abs=0.04)


def test_undefined_cases() -> None:
    assert isnan(design_effect(Ratio(np.zeros(3), np.zeros(3)), list("abc")).value)
    assert isnan(design_effect(Ratio(np.ones(2), np.full(2, 2.0)), ["a", "a"]).value)
    certain = design_effect(Ratio(np.full(3, 2.0), np.full(3, 2.0)), list("abc"))
    assert isnan(certain.value)
    assert certain.standard_error == 0.0
