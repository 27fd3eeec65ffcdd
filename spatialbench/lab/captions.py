"""What the lab's images are called, in the wording of the three benchmarks."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from ..prompts import with_article
from ..relations import Relation

_RELATION_WORDS: dict[Relation, tuple[str, ...]] = {
    Relation.LEFT: ("to the left of", "on the left of", "left of"),
    Relation.RIGHT: ("to the right of", "on the right of", "right of"),
    Relation.ABOVE: ("above", "on the top of", "above"),
    Relation.BELOW: ("below", "on the bottom of", "below"),
    Relation.NEAR: ("next to", "near", "on side of"),
}
OTHER_NAMES = {
    "mouse": "computer mouse",
    "remote": "tv remote",
    "keyboard": "computer keyboard",
}
"""GenEval's names for three COCO objects."""

HELD_OUT_SHARE = 20
"""One object pair in so many is never captioned in training."""


def held_out(first: str, second: str) -> bool:
    """Whether a pair of names, in either order, is kept from the training captions."""
    key = "|".join(sorted((first, second))).encode()
    return hashlib.sha256(key).digest()[0] % HELD_OUT_SHARE == 0


def caption(
    rng: np.random.Generator, names: Sequence[str], relation: Relation | None
) -> tuple[str, list[str]]:
    """A caption for one or two objects.

    Args:
        rng: draws the wording.
        names: one or two object names; the first is the subject.
        relation: None for "A and B" or a single object.

    Returns:
        The text, and the names as they stand in it.
    """
    called = [
        OTHER_NAMES[name] if name in OTHER_NAMES and rng.random() < 0.25 else name for name in names
    ]
    phrases = [with_article(name) for name in called]
    if len(phrases) == 1:
        text = phrases[0]
        photo = rng.random() < 0.6
    elif relation is None:
        text = f"{phrases[0]} and {phrases[1]}"
        photo = rng.random() < 0.4
    else:
        words = _RELATION_WORDS[relation]
        style = int(rng.integers(len(words)))
        text = f"{phrases[0]} {words[style]} {phrases[1]}"
        photo = style == 2 and rng.random() < 0.8
    return ("a photo of " + text if photo else text), called


def vocabulary() -> list[str]:
    """All words any caption can contain, sorted."""
    from .pictograms import NAMES

    words = {"a", "an", "and", "photo", "of"}
    for group in _RELATION_WORDS.values():
        words.update(word for phrase in group for word in phrase.split())
    for name in (*NAMES, *OTHER_NAMES.values()):
        words.update(name.split())
    return sorted(words)
