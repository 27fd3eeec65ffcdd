"""Relation phrases of English prompts, and which weak phrase says which strong one backwards."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from ..relations import PHRASES as BENCHMARK_PHRASES
from ..relations import Relation

PHRASES: Mapping[str, Relation] = {
    **BENCHMARK_PHRASES,
    "to the left side of": Relation.LEFT,
    "on the left side of": Relation.LEFT,
    "at the left of": Relation.LEFT,
    "to the right side of": Relation.RIGHT,
    "on the right side of": Relation.RIGHT,
    "at the right of": Relation.RIGHT,
    "at the top of": Relation.ABOVE,
    "over": Relation.ABOVE,
    "at the bottom of": Relation.BELOW,
    "under": Relation.BELOW,
    "underneath": Relation.BELOW,
    "beneath": Relation.BELOW,
    "in back of": Relation.BEHIND,
    "beside": Relation.NEAR,
}
"""Those of the benchmarks and other common ones, in lower case."""

STRONG_FOR_WEAK: Mapping[str, str] = {
    "to the right of": "to the left of",
    "on the right of": "on the left of",
    "at the right of": "at the left of",
    "to the right side of": "to the left side of",
    "on the right side of": "on the left side of",
    "right of": "left of",
    "below": "above",
    "on the bottom of": "on the top of",
    "at the bottom of": "at the top of",
    "behind": "in front of",
}
"""TORE's flips: ``A weak B`` is ``B strong A``. Directions from what is known of ESPLoRA; the
surface forms are ours, from the benchmarks' prompts."""

EXTENDED: Mapping[str, str] = {
    "hidden by": "in front of",
    "in back of": "in front of",
    # Not "on top of", which would add contact.
    "under": "above",
    "underneath": "above",
    "beneath": "above",
}
"""Further flips of our own, with ``tore-extended`` only."""

_OPPOSITES = (
    *((weak, strong) for weak, strong in STRONG_FOR_WEAK.items()),
    ("under", "over"),
)

OPPOSITE: Mapping[str, str] = {
    **{phrase: phrase for phrase, relation in PHRASES.items() if relation is Relation.NEAR},
    **dict(_OPPOSITES),
    **{strong: weak for weak, strong in _OPPOSITES},
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
    """Relation phrases in reading order: whole words, the longest phrase first."""
    return tuple(
        PhraseMatch(" ".join(m.group().lower().split()), m.start(), m.end())
        for m in _ANY.finditer(text)
    )
