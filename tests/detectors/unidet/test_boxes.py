"""Box arithmetic against hand-made cases and a quadratic evaluation of the definition."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spatialbench.detectors.torchvision_ops import torchvision_ops
from spatialbench.detectors.unidet import boxes as module
from spatialbench.detectors.unidet.boxes import clipped, has_area, keep_best, moved


@pytest.fixture(autouse=True)
def own_operations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "torchvision_ops", lambda: None)


def iou(a: np.ndarray, b: np.ndarray) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0.0) * max(height, 0.0)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
    return shared / union if union else 0.0


corner = st.integers(0, 12)
box = st.tuples(corner, corner, st.integers(0, 8), st.integers(0, 8))
candidates = st.lists(st.tuples(box, st.integers(0, 2)), max_size=25)


@settings(max_examples=60)
@given(candidates, st.sampled_from([0.3, 0.5, 0.7]), st.integers(1, 30))
def test_suppression_is_the_definition(
    given_boxes: list[tuple[tuple[int, int, int, int], int]], overlap: float, most: int
) -> None:
    corners = np.array(
        [[x, y, x + w, y + h] for (x, y, w, h), _ in given_boxes], dtype=np.float32
    ).reshape(-1, 4)
    groups = [group for _, group in given_boxes]
    scores = np.random.default_rng(len(groups)).permutation(len(groups)).astype(np.float32)
    kept: list[int] = []
    for i in np.argsort(-scores):
        rivals = [j for j in kept if groups[j] == groups[i]]
        if all(iou(corners[i], corners[j]) <= overlap for j in rivals):
            kept.append(int(i))
    found = keep_best(
        torch.from_numpy(corners),
        torch.from_numpy(scores),
        torch.tensor(groups, dtype=torch.int64),
        overlap,
        most,
    )
    assert found.tolist() == kept[:most]


def test_an_overlap_of_exactly_the_limit_is_kept() -> None:
    halves = torch.tensor([[0.0, 0, 2, 2], [0, 0, 2, 1]])
    scores, groups = torch.tensor([0.9, 0.8]), torch.zeros(2, dtype=torch.int64)
    assert keep_best(halves, scores, groups, 0.5, 9).tolist() == [0, 1]
    assert keep_best(halves, scores, groups, 0.49, 9).tolist() == [0]


@pytest.mark.skipif(torchvision_ops() is None, reason="no torchvision that fits this torch")
def test_suppression_agrees_with_torchvision(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(0)
    low = torch.rand(500, 2, generator=generator) * 100
    corners = torch.cat([low, low + torch.rand(500, 2, generator=generator) * 60], 1)
    scores = torch.rand(500, generator=generator)
    groups = torch.randint(0, 5, (500,), generator=generator)
    own = keep_best(corners, scores, groups, 0.5, 300)
    monkeypatch.setattr(module, "torchvision_ops", torchvision_ops)
    assert torch.equal(own, keep_best(corners, scores, groups, 0.5, 300))


def test_a_box_moves_by_its_deltas() -> None:
    boxes = torch.tensor([[10.0, 20.0, 30.0, 60.0]])
    deltas = torch.tensor([[1.0, -0.5, math.log(2.0) * 5, 0.0]])
    # Centre (20, 40) shifts by 0.1 of 20 and -0.05 of 40; the width doubles.
    expected = [[22.0 - 20, 38.0 - 20, 22.0 + 20, 38.0 + 20]]
    np.testing.assert_allclose(moved(boxes, deltas, (10.0, 5.0)), expected, rtol=1e-6)


def test_growth_is_limited() -> None:
    grown = moved(torch.tensor([[0.0, 0, 16, 16]]), torch.tensor([[0.0, 0, 99, 0]]), (1.0, 1.0))
    assert float(grown[0, 2] - grown[0, 0]) == pytest.approx(1000.0)


def test_clipping_keeps_width_and_height_apart() -> None:
    boxes = torch.tensor([[-5.0, -5, 50, 50], [40.0, 10, 45, 12]])
    inside = clipped(boxes, (20, 30))
    assert inside.tolist() == [[0, 0, 30, 20], [30, 10, 30, 12]]
    assert has_area(inside).tolist() == [True, False]
