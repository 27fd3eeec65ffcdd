"""What each sample of a batch is pulled towards, as tensors the loss can use without a loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...errors import UserError
from ...relations import Relation

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
    """The relations of a batch.

    Attributes:
        direction: (batch, 2), unit vector from subject to object; zero where there is none.
        across: (batch, 2), the other axis: along it the two should agree; zero for ``near``.
        near: (batch,) bool, or None if no sample of the batch is ``near``.
        known: (batch,), 1, or 0 for a relation without a place (only with ``compat=official``).
    """

    direction: Tensor
    across: Tensor
    near: Tensor | None
    known: Tensor

    @classmethod
    def of(
        cls, relations: Sequence[Relation | None], device: torch.device, dtype: torch.dtype
    ) -> Placement:
        """One sample a relation; None has no place and gets no spatial loss."""
        import torch

        direction = [_DIRECTION.get(r, (0.0, 0.0)) if r else (0.0, 0.0) for r in relations]
        across = [(abs(y), abs(x)) for x, y in direction]
        near = [r is Relation.NEAR for r in relations]
        known = [float(r in _DIRECTION or r is Relation.NEAR) for r in relations]
        return cls(
            torch.tensor(direction, device=device, dtype=dtype),
            torch.tensor(across, device=device, dtype=dtype),
            torch.tensor(near, device=device) if any(near) else None,
            torch.tensor(known, device=device, dtype=dtype),
        )


def check_relation(relation: Relation, prompt_id: str) -> Relation:
    """The relation, if it is one that guidance in the picture plane can act on.

    Raises:
        UserError: ``in front of`` and ``behind`` have no direction in the plane.
    """
    if relation in _DIRECTION or relation is Relation.NEAR:
        return relation
    raise UserError(
        f"prompt {prompt_id} asks for {relation.adverb!r}, which infsplign cannot guide: it knows "
        "left, right, above, below and near; choose a subset without it, or use --method sd."
    )
