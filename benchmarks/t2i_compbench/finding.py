"""Which detection stands for a word of the prompt: the different answers of the scorers."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

Finder = Callable[[Sequence[str], str], int | None]
"""Labels in the detector's order (best score first) and a word; the index of its detection."""

_PARTS = re.compile(r", | and |,")


def first_equal(labels: Sequence[str], word: str) -> int | None:
    """Official 2D: the first label that *is* the word. ``cow`` is not ``cattle, cow``."""
    try:
        return labels.index(word)
    except ValueError:
        return None


def last_part(labels: Sequence[str], word: str) -> int | None:
    """InfSplign's copy: the last label with the word as a part, so the least confident one.

    Labels are split at commas and at ``and``. Source: ``UniDet_eval/spatial_eval.py`` of
    vladi2002/InfSplign- @ 011f339.
    """
    found = None
    for i, label in enumerate(labels):
        if word in parts(label):
            found = i
    return found


def parts(label: str) -> tuple[str, ...]:
    """``mobile phone, cell phone`` as its two names."""
    return tuple(part.strip() for part in _PARTS.split(label))


def last_before_both(labels: Sequence[str], words: tuple[str, str]) -> list[int | None]:
    """Official 3D: for each word the last label that contains it, until both have been seen.

    A substring is enough: ``pen`` is in ``penguin``. A word whose other is never seen keeps its
    first match.
    """
    last: list[int | None] = [None, None]
    first: list[int | None] = [None, None]
    for i, label in enumerate(labels):
        for k, word in enumerate(words):
            if word in label:
                last[k] = i
                if first[k] is None:
                    first[k] = i
        if None not in last:
            return last
    return first
