"""Nearness of objects: medians, borders left out, overlapping boxes, maps that do not fit."""

from __future__ import annotations

import numpy as np
import pytest

from spatialbench.errors import UserError
from spatialbench.scoring.rules.object_depth import nearness, overlapping, scaled_depth


def test_a_map_is_brought_to_its_own_range() -> None:
    raw = np.array([[2, 4], [6, 10]], dtype=np.uint16)
    np.testing.assert_allclose(scaled_depth(raw, 2, 2), [[0, 0.25], [0.5, 1]])
    assert not scaled_depth(np.full((3, 2), 7.0), 2, 3).any()


def test_a_map_that_does_not_fit_is_refused() -> None:
    with pytest.raises(UserError, match="a depth map of 4x3 for an image of 3x4"):
        scaled_depth(np.zeros((3, 4)), 3, 4)
    with pytest.raises(UserError, match="NaN or infinite"):
        scaled_depth(np.array([[np.nan, 0.0]]), 2, 1)


def test_the_median_leaves_the_border_out() -> None:
    depth = np.zeros((100, 100), dtype=np.float32)
    depth[24:76, 24:76] = 0.9
    # 46 % of the whole box's pixels are border; of the inner 85 % it is a quarter.
    assert nearness(depth, [[15, 15, 85, 85]])[0] == pytest.approx(0.9)
    assert np.isnan(nearness(depth, [[200, 0, 220, 10]])[0])
    assert nearness(depth, [[50, 50, 50, 50]])[0] == pytest.approx(0.9)
    assert nearness(depth, np.empty((0, 4))).shape == (0,)


def test_overlapping_boxes_are_told_apart_by_masks_and_else_by_what_is_not_shared() -> None:
    # A small near object in the middle of a large far one, whose box is mostly covered.
    depth = np.full((100, 100), 0.2, dtype=np.float32)
    depth[20:80, 20:80] = 0.8
    large, small = [10.0, 10, 90, 90], [20.0, 20, 80, 80]
    assert overlapping([large], [small]).all()
    assert not overlapping([[0, 0, 10, 10]], [[9, 9, 30, 30]]).any()
    assert nearness(depth, [large])[0] == pytest.approx(0.8)  # the median of the box is wrong
    assert nearness(depth, [large], [small])[0] == pytest.approx(0.2)
    assert nearness(depth, [small], [large])[0] == pytest.approx(0.8)
    # A ring inside the large box, as a mask model would give it.
    ring = depth < 0.5
    ring[:15] = False
    far = np.where(ring, 0.3, depth).astype(np.float32)
    assert nearness(far, [large], [small], [ring])[0] == pytest.approx(0.3)
    # Where nothing overlaps the mask is not asked.
    assert nearness(far, [[20, 20, 80, 80]], [[0, 0, 5, 5]], [ring])[0] == pytest.approx(0.8)


def test_a_mask_of_another_size_or_without_a_pixel() -> None:
    depth = np.zeros((10, 10), dtype=np.float32)
    boxes, rivals = [[0, 0, 9, 9]], [[1, 1, 9, 9]]
    with pytest.raises(UserError, match="a mask of 5x4 for a depth map of 10x10"):
        nearness(depth, boxes, rivals, [np.ones((4, 5), dtype=bool)])
    assert np.isnan(nearness(depth, boxes, rivals, [np.zeros((10, 10), dtype=bool)])[0])
