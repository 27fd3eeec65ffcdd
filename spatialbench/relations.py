"""Spatial relations: what they are called, which way they point, and their inverses."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple


class Relation(StrEnum):
    """A relation of a subject to an object in the image, as the viewer sees it.

    Image coordinates: x grows to the right, y grows downwards.
    """

    LEFT = "left"
    RIGHT = "right"
    ABOVE = "above"
    BELOW = "below"
    NEAR = "near"
    IN_FRONT = "in_front"
    BEHIND = "behind"

    @property
    def inverse(self) -> Relation:
        """The relation of the object to the subject."""
        return _INVERSE.get(self, self)

    @property
    def axis(self) -> str | None:
        """``"x"``, ``"y"``, ``"depth"``, or None for a relation without a direction."""
        return _AXIS.get(self)

    @property
    def adverb(self) -> str:
        """How a sentence about an image names it: ``left of``, ``above``, ``in front of``."""
        return _ADVERB[self]


_PAIRS = (
    (Relation.LEFT, Relation.RIGHT),
    (Relation.ABOVE, Relation.BELOW),
    (Relation.IN_FRONT, Relation.BEHIND),
)
_INVERSE = dict(_PAIRS) | {b: a for a, b in _PAIRS}
_AXIS = {
    Relation.LEFT: "x",
    Relation.RIGHT: "x",
    Relation.ABOVE: "y",
    Relation.BELOW: "y",
    Relation.IN_FRONT: "depth",
    Relation.BEHIND: "depth",
}
_ADVERB = {
    Relation.LEFT: "left of",
    Relation.RIGHT: "right of",
    Relation.ABOVE: "above",
    Relation.BELOW: "below",
    Relation.NEAR: "near",
    Relation.IN_FRONT: "in front of",
    Relation.BEHIND: "behind",
}

PHRASES: dict[str, Relation] = {
    "to the left of": Relation.LEFT,
    "on the left of": Relation.LEFT,
    "left of": Relation.LEFT,
    "to the right of": Relation.RIGHT,
    "on the right of": Relation.RIGHT,
    "right of": Relation.RIGHT,
    "on the top of": Relation.ABOVE,
    "on top of": Relation.ABOVE,
    "above": Relation.ABOVE,
    "on the bottom of": Relation.BELOW,
    "below": Relation.BELOW,
    "next to": Relation.NEAR,
    "on side of": Relation.NEAR,
    "near": Relation.NEAR,
    "in front of": Relation.IN_FRONT,
    "behind": Relation.BEHIND,
    "hidden by": Relation.BEHIND,
}
"""Every relation phrase of VISOR, T2I-CompBench and GenEval, in lower case."""

_PATTERN = re.compile(
    r"\b(?:" + "|".join(sorted(PHRASES, key=len, reverse=True)) + r")\b", re.IGNORECASE
)


class RelationMatch(NamedTuple):
    """A relation phrase found in a text, and the characters ``[start, end)`` it covers."""

    relation: Relation
    phrase: str
    start: int
    end: int


def find_relations(text: str) -> list[RelationMatch]:
    """Relation phrases of a text in reading order: whole words, longest phrase first."""
    return [
        RelationMatch(PHRASES[m.group().lower()], m.group(), m.start(), m.end())
        for m in _PATTERN.finditer(text)
    ]
