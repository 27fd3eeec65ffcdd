"""Relation phrases of English prompts, and which weak phrase says which strong one backwards."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from ..relations import PHRASES as BENCHMARK_PHRASES
from ..relations import Relation
from .places import whole_or_part

_SIDES = (
    "{} of",
    "to {} of",
    "on {} of",
    "at {} of",
    "to the {} of",
    "on the {} of",
    "at the {} of",
    "in the {} of",
    *(
        f"{where} {{}}{side} of"
        for where in ("to the", "on the", "at the", "in the", "on")
        for side in (" side", "-side", " hand side", "-hand side")
    ),
)
_ENDS = ("on the {} of", "on {} of", "at the {} of", "at {} of", "to the {} of")
_DEPTHS = ("at the {} of", "at {} of", "to the {} of", "in the {} of")

_FLIPS: Mapping[str, str] = {
    **{form.format("right"): form.format("left") for form in _SIDES},
    **{form.format("bottom"): form.format("top") for form in _ENDS},
    "below": "above",
    "behind": "in front of",
}

STRONG_FOR_WEAK: Mapping[str, str] = {
    **_FLIPS,
    "hidden behind": "in front of",
    **{form.format(word): "in front of" for form in _DEPTHS for word in ("back", "rear")},
}
"""TORE's flips: ``A weak B`` is ``B strong A``. Directions from what is known of ESPLoRA; the
surface forms are ours, from the benchmarks' prompts and from how prompts are written."""

EXTENDED: Mapping[str, str] = {
    "hidden by": "in front of",
    "in back of": "in front of",
    # Not "on top of", which would add contact.
    "under": "above",
    "underneath": "above",
    "beneath": "above",
}
"""Further flips of our own, with ``tore-extended`` only."""

PHRASES: Mapping[str, Relation] = {
    **BENCHMARK_PHRASES,
    **{form.format("left"): Relation.LEFT for form in _SIDES},
    **{form.format("right"): Relation.RIGHT for form in _SIDES},
    **{form.format("top"): Relation.ABOVE for form in _ENDS},
    **{form.format("bottom"): Relation.BELOW for form in _ENDS},
    **{form.format("front"): Relation.IN_FRONT for form in _DEPTHS},
    **{phrase: Relation.BEHIND for phrase, to in STRONG_FOR_WEAK.items() if to == "in front of"},
    "over": Relation.ABOVE,
    "under": Relation.BELOW,
    "underneath": Relation.BELOW,
    "beneath": Relation.BELOW,
    "in back of": Relation.BEHIND,
    "beside": Relation.NEAR,
    "close to": Relation.NEAR,
    "adjacent to": Relation.NEAR,
}
"""Those of the benchmarks and other common ones, in lower case."""

OPPOSITE: Mapping[str, str] = {
    **{phrase: phrase for phrase, relation in PHRASES.items() if relation is Relation.NEAR},
    **STRONG_FOR_WEAK,
    **{strong: weak for weak, strong in _FLIPS.items()},
    **{form.format("front"): "behind" for form in _DEPTHS},
    "under": "over",
    "over": "under",
    # These have no opposite of their own form. That of T2I-CompBench's "on top of" is in its words.
    "on top of": "on the bottom of",
    "underneath": "over",
    "beneath": "over",
    "hidden by": "in front of",
    "in back of": "in front of",
}
"""``A phrase B`` is ``B opposite A``, for every phrase; what is near is so both ways."""

_ANY = re.compile(
    rf"\b(?=[{''.join(sorted({phrase[0] for phrase in PHRASES}))}])(?:"
    + "|".join(sorted(PHRASES, key=len, reverse=True)).replace(" ", r"\s+")
    + r")\b",
    re.IGNORECASE,
)


class PhraseMatch(NamedTuple):
    """A phrase in lower case with single spaces, and the characters ``[start, end)`` it covers."""

    phrase: str
    start: int
    end: int

    @property
    def relation(self) -> Relation:
        """What it says of its left operand."""
        return PHRASES[self.phrase]


@lru_cache(maxsize=256)
def find_phrases(text: str) -> tuple[PhraseMatch, ...]:
    """Relation phrases in reading order: whole words, the longest phrase first.

    One that places something in the image, or within a thing, relates no two objects and is none.
    """
    return tuple(match for match in _matches(text) if not _is_place(text, match))


@lru_cache(maxsize=256)
def find_places(text: str) -> tuple[PhraseMatch, ...]:
    """What would be relation phrases, and say where in the image or in a thing something is."""
    return tuple(match for match in _matches(text) if _is_place(text, match))


def _matches(text: str) -> tuple[PhraseMatch, ...]:
    return tuple(
        PhraseMatch(" ".join(m.group().lower().split()), m.start(), m.end())
        for m in _ANY.finditer(text)
    )


def _is_place(text: str, match: PhraseMatch) -> bool:
    return whole_or_part(match.phrase, text, match.end)
