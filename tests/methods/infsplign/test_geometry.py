"""Centroids and variances against resizing for real, and maps worked out by hand."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from spatialbench.errors import UserError
from spatialbench.methods.infsplign.geometry import MapReader, map_shape


def by_resizing(map_: torch.Tensor, threshold: str) -> tuple[float, float, float]:
    """x, y and variance of one map (rows, columns)."""
    a = F.interpolate(
        map_[None, None], size=(64, 64), mode="bilinear", antialias=True, align_corners=False
    )[0, 0]
    if threshold == "mean":
        a = a * (a >= a.mean())
    axis = torch.linspace(0, 1, 64, dtype=a.dtype)
    x = float((a * axis).sum() / a.sum())
    y = float((a * axis[:, None]).sum() / a.sum())
    square = (axis - x) ** 2 + (axis[:, None] - y) ** 2
    return x, y, float((a * square).sum() / a.sum())


@given(
    rows=st.integers(2, 80),
    columns=st.integers(2, 80),
    seed=st.integers(0, 999),
    threshold=st.sampled_from(["none", "mean"]),
)
def test_equals_resizing_every_map(rows: int, columns: int, seed: int, threshold: str) -> None:
    generator = torch.Generator().manual_seed(seed)
    maps = torch.rand(2, 2, rows, columns, generator=generator, dtype=torch.float64) ** 4
    found = MapReader(threshold, guard=True)([maps.flatten(-2)], [(rows, columns)])
    for sample in range(2):
        for which in range(2):
            x, y, variance = by_resizing(maps[sample, which], threshold)
            centre = found.centroid[0, sample, which].tolist()
            assert centre == pytest.approx([x, y], abs=1e-9)
            assert found.variance[0, sample, which].item() == pytest.approx(variance, abs=1e-9)


def test_layers_of_mixed_shapes_keep_their_order() -> None:
    shapes = [(16, 16), (8, 8), (16, 16)]
    maps = [torch.rand(1, 2, r * c) for r, c in shapes]
    together = MapReader("none", guard=True)(maps, shapes)
    for layer, (map_, shape) in enumerate(zip(maps, shapes, strict=True)):
        alone = MapReader("none", guard=True)([map_], [shape])
        assert torch.allclose(together.centroid[layer], alone.centroid[0])
        assert torch.allclose(together.variance[layer], alone.variance[0])


@pytest.mark.parametrize("threshold", ["none", "mean"])
@pytest.mark.parametrize("value", [1.0, 0.5, 0.1, 0.3, 1 / 77])
@pytest.mark.parametrize("side", [8, 16, 64])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_uniform_map_is_in_the_middle_with_the_spread_of_the_square(
    threshold: str, value: float, side: int, dtype: torch.dtype
) -> None:
    """Every value is at the mean, and stays; 1/77 is what attention to all tokens alike gives."""
    maps = torch.full((1, 2, side * side), value, dtype=dtype, requires_grad=True)
    moments = MapReader(threshold, guard=True)([maps], [(side, side)])
    assert moments.centroid.flatten().tolist() == pytest.approx([0.5] * 4, abs=1e-5)
    # The variance of n evenly spaced numbers from 0 to 1 is (n + 1) / (12 (n - 1)), on each axis.
    assert moments.variance[0, 0].tolist() == pytest.approx([2 * 65 / (12 * 63)] * 2, rel=1e-4)
    (gradient,) = torch.autograd.grad(moments.variance.sum(), maps)
    assert gradient.abs().max() > 0


def test_values_at_the_mean_are_kept_and_those_below_are_not() -> None:
    """A quarter each of 0, 1, 1 and 2, by hand: the mean is 1, and three quarters stay."""
    maps = torch.tensor([[0.0, 1.0], [1.0, 2.0]]).repeat_interleave(32, 0).repeat_interleave(32, 1)
    moments = MapReader("mean", guard=False)([maps.flatten().repeat(1, 2, 1)], [(64, 64)])
    # Half the mass in the lower right quarter, whose middle lies at 47.5 of 63, a quarter each in
    # the two beside it, whose middles share one of its coordinates and have 15.5 for the other.
    x = (2 * 47.5 + 47.5 + 15.5) / 4 / 63
    assert moments.centroid[0, 0, 0].tolist() == pytest.approx([x, x])


def test_a_collapsed_map_has_a_place_and_no_gradient_unless_official() -> None:
    maps = torch.zeros(1, 2, 16, requires_grad=True)
    moments = MapReader("none", guard=True)([maps], [(4, 4)])
    assert moments.centroid.flatten().tolist() == [0.5] * 4
    (gradient,) = torch.autograd.grad(moments.centroid.sum() + moments.variance.sum(), maps)
    assert gradient.isfinite().all()
    official = MapReader("none", guard=False)([maps], [(4, 4)])
    assert official.centroid.isnan().all()


def test_a_map_of_one_point_is_finite() -> None:
    maps = torch.zeros(1, 2, 16)
    maps[..., 5] = 1e-30
    maps.requires_grad_()
    for threshold in ("none", "mean"):
        moments = MapReader(threshold, guard=True)([maps], [(4, 4)])
        assert moments.centroid.isfinite().all()
        total = moments.centroid.sum() + moments.variance.sum()
        assert torch.autograd.grad(total, maps)[0].isfinite().all()


@pytest.mark.parametrize(
    ("pixels", "height", "width", "shape"),
    [
        (256, 64, 64, (16, 16)),
        (1024, 64, 64, (32, 32)),
        (6 * 12, 12, 24, (6, 12)),
        (5 * 8, 9, 16, (5, 8)),
        (1, 3, 3, (1, 1)),
    ],
)
def test_map_shapes(pixels: int, height: int, width: int, shape: tuple[int, int]) -> None:
    assert map_shape(pixels, height, width) == shape


def test_a_map_of_no_level_is_refused() -> None:
    with pytest.raises(UserError, match="fits no halving of a 64x64 latent"):
        map_shape(100, 64, 64)
