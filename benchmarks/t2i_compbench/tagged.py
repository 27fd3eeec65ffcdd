"""Objects of a sentence that a part-of-speech tagger has seen, as the official scorers pick them.

The benchmark's own prompts need no tagger (see ``template``). This is for sentences that come with
their tags. Source: ``UniDet_eval/2D_spatial_eval.py`` of Karine-Huang/T2I-CompBench @ 1b70949.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

PEOPLE = ("girl", "boy", "man", "woman")
"""Words the 2D and 3D scorers look up as ``person``; only in this form."""

_SPANS = frozenset(
    ("on top of", "on bottom of", "on the left", "on the right", "next to", "on side of", "near")
)


class Token(NamedTuple):
    """A word and its universal part of speech, such as ``NOUN``."""

    text: str
    pos: str


def as_person(word: str) -> str:
    """``person`` for one of ``PEOPLE``, else the word itself."""
    return "person" if word in PEOPLE else word


def first_and_last_noun(tokens: Sequence[Token]) -> tuple[str, str]:
    """The two objects of a simple sentence; the same one twice where there is one noun.

    Raises:
        IndexError: no noun; the official scorer stops there.
    """
    nouns = [token.text for token in tokens if token.pos == "NOUN"]
    return as_person(nouns[0]), as_person(nouns[-1])


def nouns_around_relation(tokens: Sequence[Token]) -> tuple[str, str] | None:
    """The two objects of a complex sentence (``--complex True``), or None.

    Around every relation word: the nearest noun or proper noun before it, and the first noun after
    it; where there is none, the first proper noun that another kind of word follows. Unless that
    makes two words exactly, the official scorer has no objects.
    """
    found: list[str] = []
    for i in range(len(tokens)):
        for length in (3, 2, 1):
            if " ".join(token.text for token in tokens[i : i + length]) not in _SPANS:
                continue
            found += _before(tokens, i) + _after(tokens, i + length)
            break
    if len(found) != 2:
        return None
    return as_person(found[0]), as_person(found[1])


def _before(tokens: Sequence[Token], start: int) -> list[str]:
    nearest = [t.text for t in reversed(tokens[:start]) if t.pos in ("NOUN", "PROPN")]
    return nearest[:1]


def _after(tokens: Sequence[Token], start: int) -> list[str]:
    nouns = [t.text for t in tokens[start:] if t.pos == "NOUN"]
    if nouns:
        return nouns[:1]
    pairs = zip(tokens[start:], tokens[start + 1 :], strict=False)
    proper = [t.text for t, after in pairs if t.pos == "PROPN" and after.pos != "PROPN"]
    return proper[:1]
