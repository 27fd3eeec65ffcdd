"""Where an attention map is, and how spread: centroids and variances of many maps at once.

The authors resize every map to 64 x 64 (bilinear) and sum over its pixels. Resizing is linear, so
those sums are dot products of the unresized map with fixed vectors; the vectors are made here, once
a map shape. Only a thresholded map has to be resized for real.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from ...errors import UserError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

CANVAS = 64
"""Side of the square every map is resized to, whatever its own shape."""
SOFTNESS = 50.0
"""Steepness of the soft threshold."""


@dataclass(frozen=True, slots=True)
class Moments:
    """What the loss knows of the maps.

    Attributes:
        centroid: (layers, pairs, 2 objects, 2), x and y in [0, 1], y down.
        variance: (layers, pairs, 2 objects), mean squared distance from the centroid.
    """

    centroid: Tensor
    variance: Tensor


def map_shape(pixels: int, height: int, width: int) -> tuple[int, int]:
    """Rows and columns of a map with ``pixels`` values, over a latent of height x width.

    Every level of the UNet halves both sides, rounding up.

    Raises:
        UserError: no level of this latent has that many pixels.
    """
    h, w = height, width
    while h * w > pixels and h * w > 1:
        h, w = (h + 1) // 2, (w + 1) // 2
    if h * w != pixels:
        raise UserError(
            f"an attention map of {pixels} values fits no halving of a {height}x{width} latent: "
            "infsplign needs a UNet that halves its sides level by level; choose another backbone."
        )
    return h, w


class MapReader:
    """Centroids and variances of attention maps, on one device and in one dtype.

    Args:
        threshold: ``mean`` drops the values below the resized map's mean (thesis, section on
            centroids; the thresholded sum stands in numerator and denominator, as in its code);
            ``soft`` multiplies each value by a sigmoid of its distance to the median (the authors'
            SD3 file; of the resized map's values too, where it is resized); ``none`` keeps all.
        guard: give an all-zero map the middle of the image and no gradient, instead of 0/0.
        native: sum over the map's own grid instead of over 64 x 64.
    """

    def __init__(self, threshold: str, guard: bool, *, native: bool = False) -> None:
        self.threshold = threshold
        self.guard = guard
        self.native = native
        self._weights: dict[tuple[int, int, torch.device, torch.dtype], Tensor] = {}
        self._resizers: dict[tuple[int, torch.device, torch.dtype], Tensor] = {}

    def __call__(self, maps: Sequence[Tensor], shapes: Sequence[tuple[int, int]]) -> Moments:
        """Moments of every map.

        Args:
            maps: one per layer, (pairs, 2 objects, rows * columns), not negative.
            shapes: rows and columns of each layer's maps.
        """
        import torch

        by_shape: dict[tuple[int, int], list[int]] = {}
        for layer, shape in enumerate(shapes):
            by_shape.setdefault(shape, []).append(layer)
        rows: dict[int, Tensor] = {}
        for shape, layers in by_shape.items():
            sums = self._sums(torch.stack([maps[layer] for layer in layers]), shape)
            rows.update(zip(layers, sums.unbind(), strict=True))
        return self._moments(torch.stack([rows[layer] for layer in range(len(maps))]))

    def _sums(self, maps: Tensor, shape: tuple[int, int]) -> Tensor:
        """(layers, pairs, 2, n) -> (layers, pairs, 2, 4): mass, x, y, squared radius.

        Coordinates run from -1/2 to 1/2, which keeps the cancellation in the variance small.
        """
        if self.threshold == "none":
            return maps @ self._weight(shape, maps)
        large = maps.view(*maps.shape[:-1], *shape)
        if not self.native:
            rows, columns = (self._resizer(side, maps) for side in shape)
            large = rows @ large @ columns.T
        if self.threshold == "soft":
            middle = large.flatten(-2).quantile(0.5, -1)[..., None, None]
            keep = (SOFTNESS * (large - middle)).sigmoid()
        else:
            keep = large >= large.mean((-2, -1), keepdim=True)
            if self.guard:
                # The mean of equal values can be rounded above every one of them.
                keep = keep | ~keep.flatten(-2).any(-1)[..., None, None]
        side = large.shape[-2:]
        large = (large * keep).flatten(-2)
        return large @ self._weight((side[0], side[1]), maps)

    def _moments(self, sums: Tensor) -> Moments:
        import torch

        mass, first, second = sums[..., :1], sums[..., 1:3], sums[..., 3:]
        if self.guard:
            alive = mass > torch.finfo(mass.dtype).tiny
            mass = mass.where(alive, 1.0)
            first, second = first.where(alive, 0.0), second.where(alive, 0.0)
        centre = first / mass
        spread = (second / mass).squeeze(-1) - centre.square().sum(-1)
        return Moments(centre + 0.5, spread)

    def _weight(self, shape: tuple[int, int], like: Tensor) -> Tensor:
        key = (*shape, like.device, like.dtype)
        if key not in self._weights:
            weights = moment_weights(*shape, native=self.native)
            self._weights[key] = weights.to(like.device, like.dtype)
        return self._weights[key]

    def _resizer(self, side: int, like: Tensor) -> Tensor:
        key = (side, like.device, like.dtype)
        if key not in self._resizers:
            self._resizers[key] = resize_matrix(side).to(like.device, like.dtype)
        return self._resizers[key]


@lru_cache(maxsize=64)
def resize_matrix(side: int) -> Tensor:
    """(64, side) float64 on the CPU: bilinear resize of one axis, antialiased when it shrinks."""
    import torch
    from torch.nn import functional as F

    if side == CANVAS:
        return torch.eye(side, dtype=torch.float64)
    unit = torch.eye(side, dtype=torch.float64).view(side, 1, 1, side)
    rows = F.interpolate(
        unit, size=(1, CANVAS), mode="bilinear", antialias=True, align_corners=False
    )
    return rows.view(side, CANVAS).T.contiguous()


@lru_cache(maxsize=64)
def moment_weights(rows: int, columns: int, *, native: bool = False) -> Tensor:
    """(rows * columns, 4) float64: a map times this is its mass, x, y and squared radius.

    The sums are those of the map resized to 64 x 64, or of the map itself where ``native``, with
    coordinates from -1/2 to 1/2.
    """
    import torch

    def sums(side: int) -> Tensor:
        axis = torch.linspace(-0.5, 0.5, side if native else CANVAS, dtype=torch.float64)
        powers = torch.stack([torch.ones_like(axis), axis, axis.square()])
        return powers if native else powers @ resize_matrix(side)

    down, across = sums(rows), sums(columns)
    mass = torch.outer(down[0], across[0])
    x = torch.outer(down[0], across[1])
    y = torch.outer(down[1], across[0])
    radius = torch.outer(down[2], across[0]) + torch.outer(down[0], across[2])
    return torch.stack([mass, x, y, radius], dim=-1).flatten(0, 1)
