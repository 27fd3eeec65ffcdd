"""RoIAlign against a loop over samples, and against torchvision where there is one."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from spatialbench.detectors.torchvision_ops import torchvision_ops
from spatialbench.detectors.unidet import roi_align as module
from spatialbench.detectors.unidet.roi_align import BINS, roi_align


@pytest.fixture(autouse=True)
def own_operations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "torchvision_ops", lambda: None)


def sample(feature: np.ndarray, y: float, x: float) -> np.ndarray:
    """Bilinear interpolation between the four neighbours, zero beyond one position outside."""
    _, height, width = feature.shape
    if not (-1 <= y <= height and -1 <= x <= width):
        return np.zeros(len(feature))
    y, x = min(max(y, 0.0), height - 1.0), min(max(x, 0.0), width - 1.0)
    top, left = math.floor(y), math.floor(x)
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    down, across = y - top, x - left
    upper = feature[:, top, left] * (1 - across) + feature[:, top, right] * across
    lower = feature[:, bottom, left] * (1 - across) + feature[:, bottom, right] * across
    return upper * (1 - down) + lower * down


def by_definition(feature: np.ndarray, box: np.ndarray, scale: float) -> np.ndarray:
    x0, y0, x1, y1 = (float(v) * scale - 0.5 for v in box)
    across, down = (x1 - x0) / BINS, (y1 - y0) / BINS
    many_x, many_y = math.ceil(across), math.ceil(down)
    result = np.zeros((len(feature), BINS, BINS))
    for i in range(BINS):
        for j in range(BINS):
            values = [
                sample(
                    feature,
                    y0 + (i + (p + 0.5) / many_y) * down,
                    x0 + (j + (q + 0.5) / many_x) * across,
                )
                for p in range(many_y)
                for q in range(many_x)
            ]
            result[:, i, j] = np.mean(values, axis=0) if values else 0
    return result


BOXES = torch.tensor(
    [
        *([0.0, 0, 160, 96], [3.3, 4.4, 9.9, 70.1], [100.5, 2.5, 159.9, 12.0]),
        *([-30.0, -30, 60, 40], [120.0, 60, 200, 130], [50.0, 50, 50, 50], [7.0, 7, 7.01, 90]),
    ]
)


def test_pooling_is_the_mean_of_the_samples() -> None:
    feature = torch.randn(3, 12, 20, generator=torch.Generator().manual_seed(0))
    found = roi_align(feature, BOXES, 1 / 8)
    assert found.shape == (len(BOXES), 3, BINS, BINS)
    for box, values in zip(BOXES, found, strict=True):
        expected = by_definition(feature.numpy().astype(float), box.numpy(), 1 / 8)
        np.testing.assert_allclose(values, expected, atol=1e-4)


def test_no_boxes_give_no_features() -> None:
    assert roi_align(torch.ones(3, 5, 5), torch.empty(0, 4), 0.5).shape == (0, 3, BINS, BINS)


def test_boxes_may_be_pooled_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    feature = torch.randn(3, 12, 20, generator=torch.Generator().manual_seed(1))
    whole = roi_align(feature, BOXES, 1 / 8)
    monkeypatch.setattr(module, "_CHUNK", 3 * 12 * BINS * 2)
    torch.testing.assert_close(roi_align(feature, BOXES, 1 / 8), whole)


@pytest.mark.skipif(torchvision_ops() is None, reason="no torchvision that fits this torch")
def test_pooling_agrees_with_torchvision(monkeypatch: pytest.MonkeyPatch) -> None:
    feature = torch.randn(8, 30, 30, generator=torch.Generator().manual_seed(2))
    own = roi_align(feature, BOXES, 1 / 8)
    monkeypatch.setattr(module, "torchvision_ops", torchvision_ops)
    torch.testing.assert_close(own, roi_align(feature, BOXES, 1 / 8), rtol=0, atol=1e-4)
