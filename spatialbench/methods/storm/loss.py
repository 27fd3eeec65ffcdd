"""The loss of STORM: the cost of each object's attention for being on the wrong side of the other.

Source: MICV-yonsei/STORM at 88dbc3a, for maps of 16x16 pixels; its constants are taken here as
shares of the map's sides.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...errors import UserError
from ...guidance.pairs import Pairs
from .adjectives import FIRST_STEP, adjective_cost
from .sides import Side
from .transport import transport_cost

if TYPE_CHECKING:
    from torch import Tensor

_GUARD = 1e-8
_WEIGHT_MAX, _WEIGHT_RATE = 100.0, 0.4
_RADIUS, _SPREAD = 4 / 16, 3 / 16
"""Of the target disc, as shares of the map's width."""


def side_weight(step: float) -> float:
    """How hard the wrong side is punished, from 1 at step 0 (of 50) towards 100."""
    return 1 + (_WEIGHT_MAX - 1) * (1 - math.exp(-_WEIGHT_RATE * step))


class TransportLoss:
    """One loss per sample: both objects' costs added, the mean over its pairs.

    Args:
        sides: how each pair of each sample of the batch is pulled.
        adjectives: of each sample, whether its subject and its object have an adjective with a map;
            none without.
    """

    def __init__(
        self, sides: Sequence[Sequence[Side]], adjectives: Sequence[tuple[bool, bool]] = ()
    ) -> None:
        self.sides = tuple(map(tuple, sides))
        self.smoothed: int | None = 2 * max(map(len, self.sides), default=1)
        self.adjectives = tuple(adjectives) or ((False, False),) * len(self.sides)

    def __call__(self, maps: Tensor, samples: Sequence[int], step: float) -> Tensor:
        """(n,) from maps (n, objects, rows, columns): each pair's, and perhaps adjectives'."""
        import torch

        pairs = Pairs([len(self.sides[sample]) for sample in samples], maps.device)
        sides = [side for sample in samples for side in self.sides[sample]]
        rows, columns = maps.shape[-2:]
        if rows != columns and any(side.transposed for side in sides):
            raise UserError(
                "storm-released swaps x and y, which only a square image survives: leave out "
                "--width and --height, or use --method storm-corrected."
            )
        every = maps / (maps.sum((-2, -1), keepdim=True) + _GUARD)
        masses = pairs.of(every)
        weight = side_weight(step)
        costs: list[Tensor] = []
        targets: list[Tensor] = []
        for own, side in zip(masses, sides, strict=True):
            costs += _costs(own, side, weight)
            targets += [own[1], own[0]] if side.mutual else _discs(own, side)
        source = masses.flatten(0, 1).flatten(1)
        cost = torch.stack(costs).flatten(1)
        target = torch.stack(targets).flatten(1)
        target = target / (target.sum(1, keepdim=True) + _GUARD)
        loss = pairs.mean(transport_cost(source, target, cost).view(-1, 2).sum(1))
        if step < FIRST_STEP or not any(any(self.adjectives[sample]) for sample in samples):
            return loss
        return loss + self._adjectives(every, samples)

    def _adjectives(self, masses: Tensor, samples: Sequence[int]) -> Tensor:
        """(n,): the mean over a sample's adjectives, 0 where it has none."""
        import torch

        added = []
        for own, sample in zip(masses, samples, strict=True):
            with_one = [i for i, present in enumerate(self.adjectives[sample]) if present]
            costs = [adjective_cost(own[i], own[2 + i]) for i in with_one]
            added.append(torch.stack(costs).mean() if costs else own.new_zeros(()))
        return torch.stack(added)

    def may_repeat(self, maps: Tensor, samples: Sequence[int]) -> Tensor:
        """(n,) bool: only samples whose pairs are all in the order their sides ask for already."""
        import torch

        x, y = centroid(maps)
        right = []
        for row, sample in enumerate(samples):
            ordered = []
            for slot, side in enumerate(self.sides[sample]):
                place = x[row] if side.repeat_axis == "x" else y[row]
                gap = place[2 * slot + 1] - place[2 * slot]
                ordered.append((gap if side.subject_first else -gap) > 0)
            right.append(torch.stack(ordered).all())
        return torch.stack(right)


def centroid(maps: Tensor) -> tuple[Tensor, Tensor]:
    """x and y, in pixels of the map, of (..., rows, columns)."""
    import torch

    rows, columns = maps.shape[-2:]
    mass = maps.sum((-2, -1)) + _GUARD
    across = torch.arange(columns, device=maps.device, dtype=maps.dtype)
    down = torch.arange(rows, device=maps.device, dtype=maps.dtype)
    return (maps.sum(-2) * across).sum(-1) / mass, (maps.sum(-1) * down).sum(-1) / mass


def _costs(masses: Tensor, side: Side, weight: float) -> list[Tensor]:
    """For the subject and the object, (rows, columns): the other's mass times how wrong the place.

    On the wrong side of the other's centroid the factor is the weight times the distance, on the
    right side one over that product.
    """
    subject, object_ = masses
    return [
        object_ * _wrongness(object_, side, weight, before=side.subject_first),
        subject * _wrongness(subject, side, weight, before=not side.subject_first),
    ]


def _wrongness(other: Tensor, side: Side, weight: float, *, before: bool) -> Tensor:
    """(rows, columns), or anything that broadcasts to it.

    Args:
        before: the right side is left of (above) the other's centroid.
    """
    import torch

    if side.axis is None:
        return torch.ones_like(other)
    x, y = centroid(other)
    centre = x if side.axis == "x" else y
    rows, columns = other.shape
    length = columns if side.axis == "x" else rows
    places = torch.arange(length, device=other.device, dtype=other.dtype)
    ahead = centre - places if before else places - centre
    # Clamped only where the other branch is taken: a zero there would be an infinite gradient.
    right = 1 / (weight * (ahead.clamp(min=0) + _GUARD).where(ahead > 0, torch.ones_like(ahead)))
    factor = torch.where(ahead > 0, right, weight * (_GUARD - ahead))
    along_columns = side.axis == "x" or side.transposed
    return factor.view(1, -1) if along_columns else factor.view(-1, 1)


def _discs(masses: Tensor, side: Side) -> list[Tensor]:
    """For subject and object, (rows, columns): a disc halfway from the other to the edge."""
    rows, columns = masses.shape[-2:]
    x, y = centroid(masses)
    along_y = side.axis == "y"
    place, length = (y, rows) if along_y else (x, columns)
    first, second = place[1] / 2, (length + place[0]) / 2
    if not side.subject_first:
        first, second = (length + place[1]) / 2, place[0] / 2
    centres = [(columns / 2, c) if along_y else (c, rows / 2) for c in (first, second)]
    return [_disc(masses, cx, cy, transposed=side.transposed) for cx, cy in centres]


def _disc(
    like: Tensor, centre_x: Tensor | float, centre_y: Tensor | float, *, transposed: bool
) -> Tensor:
    """(rows, columns): a Gaussian cut at a radius, its highest value 1."""
    import torch

    rows, columns = like.shape[-2:]
    across = torch.arange(columns, device=like.device, dtype=like.dtype)
    down = torch.arange(rows, device=like.device, dtype=like.dtype)
    if transposed:
        square = (down.unsqueeze(1) - centre_x) ** 2 + (across - centre_y) ** 2
    else:
        square = (across - centre_x) ** 2 + (down.unsqueeze(1) - centre_y) ** 2
    disc = torch.exp(-square / (2 * (_SPREAD * columns) ** 2)) * (
        square <= (_RADIUS * columns) ** 2
    )
    return disc / disc.max()
