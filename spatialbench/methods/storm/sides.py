"""What STORM makes of a prompt: on which side of the other each object's attention belongs.

The released code (MICV-yonsei/STORM at 88dbc3a) looks for words as parts of the text: "top" is
found in "laptop" and "right" in "bright", "bottom" is not looked for, and "right of" and "below"
are sent to the same sides as "left of" and "above". The corrected reading takes the prompt's own
relation.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import UserError
from ...prompts import Prompt, Triplet
from ...relations import Relation


@dataclass(frozen=True, slots=True)
class Side:
    """How one pair of objects is pulled.

    Attributes:
        axis: ``x``, ``y``, or None where no direction is known.
        subject_first: the subject belongs to the left (x) or above (y).
        mutual: each object's attention is transported to the other's map instead of a disc.
        transposed: the released code's mistake: costs and discs are made with x and y swapped.
        repeat_axis: the axis whose order must already be right for the repetitions.
    """

    axis: str | None
    subject_first: bool
    mutual: bool
    transposed: bool
    repeat_axis: str


def released_side(prompt: Prompt) -> Side:
    """As the released code reads the text."""
    text = prompt.text
    vertical = any(word in text for word in ("top", "above", "below"))
    sideways = "left" in text or "right" in text
    return Side(
        axis="y" if vertical else "x" if sideways else None,
        subject_first=True,
        mutual=any(word in text for word in ("side", "next", "near")),
        transposed=True,
        repeat_axis="x" if sideways else "y",
    )


def corrected_side(triplet: Triplet | None) -> Side:
    """By the relation itself."""
    relation = triplet.relation if triplet else None
    axis = relation.axis if relation else None
    return Side(
        axis=axis,
        subject_first=relation not in (Relation.RIGHT, Relation.BELOW),
        mutual=relation is Relation.NEAR,
        transposed=False,
        repeat_axis=axis or "x",
    )


def check_relation(relation: Relation, prompt_id: str) -> None:
    """Refuse a relation that has no place in the image plane.

    Raises:
        UserError: ``in front of`` or ``behind``.
    """
    if relation.axis == "depth":
        raise UserError(
            f"prompt {prompt_id} asks for {relation.adverb!r}, which storm-corrected cannot guide: "
            "it knows left, right, above, below and near; choose a subset without it, or use "
            "--method sd."
        )
