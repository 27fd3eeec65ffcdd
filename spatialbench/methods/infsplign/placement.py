"""What each pair of a batch is pulled towards, as tensors the loss can use without a loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...errors import UserError
from ...guidance.nouns import guided_triplets
from ...prompts import Prompt
from ...relations import Relation, find_relations

if TYPE_CHECKING:
    import torch
    from torch import Tensor

_DIRECTION = {
    Relation.LEFT: (1.0, 0.0),
    Relation.RIGHT: (-1.0, 0.0),
    Relation.ABOVE: (0.0, 1.0),
    Relation.BELOW: (0.0, -1.0),
}
"""Of object minus subject, when the prompt is obeyed; x to the right, y down."""


@dataclass(frozen=True, slots=True)
class Placement:
    """The relations of a batch, one for each pair of ``guidance.pairs``.

    Attributes:
        direction: (pairs, 2), unit vector from subject to object; zero where there is none.
        across: (pairs, 2), the other axis: along it the two should agree; zero where there is no
            direction.
        apart: (pairs,) bool, pairs to be pushed apart; None if the batch has none.
        known: (pairs,), 1, or 0 for a pair without a spatial term.
    """

    direction: Tensor
    across: Tensor
    apart: Tensor | None
    known: Tensor

    @classmethod
    def of(
        cls, relations: Sequence[Relation | None], device: torch.device, dtype: torch.dtype
    ) -> Placement:
        """One pair a relation; None gets no spatial term, NEAR is pushed apart."""
        import torch

        direction = [_DIRECTION.get(r, (0.0, 0.0)) if r else (0.0, 0.0) for r in relations]
        across = [(abs(y), abs(x)) for x, y in direction]
        apart = [r is Relation.NEAR for r in relations]
        known = [float(r in _DIRECTION or r is Relation.NEAR) for r in relations]
        return cls(
            torch.tensor(direction, device=device, dtype=dtype),
            torch.tensor(across, device=device, dtype=dtype),
            torch.tensor(apart, device=device) if any(apart) else None,
            torch.tensor(known, device=device, dtype=dtype),
        )


def placed_relations(prompt: Prompt, near: str, *, released: bool) -> tuple[Relation | None, ...]:
    """For each relation that a prompt asks for the one whose spatial term acts; None without one.

    Beside a relation that has a place in the plane, one in depth has no spatial term.

    Args:
        near: one of ``variants.NEAR``: what acts on near, next to and on side of.
        released: leave relations in depth without a spatial term, as the authors' code does,
            which knows no phrase of theirs.

    Raises:
        UserError: no relation of two objects; or nothing but ``in front of`` and ``behind``, which
            have no direction in the plane.
    """
    asked = [triplet.relation for triplet in guided_triplets(prompt)]
    if not released and all(relation.axis == "depth" for relation in asked):
        raise UserError(
            f"prompt {prompt.id} asks for {asked[0].adverb!r}, which infsplign cannot guide: it "
            "acts on left, right, above, below and near; choose a subset without it, or use "
            "--method sd."
        )
    placed: list[Relation | None] = []
    for place, relation in enumerate(asked):
        if relation is Relation.NEAR and near != "none":
            before = asked[:place].count(relation)
            placed.append(relation if near == "apart" else _side(prompt, before))
        else:
            placed.append(relation if relation in _DIRECTION else None)
    return tuple(placed)


def _side(prompt: Prompt, place: int) -> Relation:
    """Right for ``next to``, left for ``near`` and ``on side of``: the thesis' code (ba64c6e).

    Args:
        place: how many of these relations the prompt asks for before.
    """
    phrases = [m.phrase.lower() for m in find_relations(prompt.text) if m.relation is Relation.NEAR]
    return Relation.RIGHT if phrases[place : place + 1] == ["next to"] else Relation.LEFT
