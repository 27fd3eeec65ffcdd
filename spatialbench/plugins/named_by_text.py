"""Prompts that file names give by their text, whole or cut where the name became too long."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence

from ..prompts import Prompt
from .layout import Names

LEAST_CUT = 24
"""Characters of a text that is taken for the beginning of a longer one."""


def prompts_named(texts: Iterable[str], names: Names) -> Mapping[str, Sequence[Prompt] | str]:
    """The prompts of each text of a folder's file names, or a sentence that says why none.

    A text of no prompt that is the beginning of one was cut, as some scripts do before they write.
    All of a folder are cut at one length: there, a name that also begins another prompt says
    neither, because the images of both were written under it.

    Several prompts are those that share one text.
    """
    known = names.by_text
    whole = sorted(known)
    asked = dict.fromkeys(texts)
    begun = {text: _begun(text, whole) for text in asked if text not in known}
    length = max((len(text) for text, longer in begun.items() if longer), default=None)
    found: dict[str, Sequence[Prompt] | str] = {}
    for text in asked:
        meant = begun.get(text, [text])
        if text in known and len(text) == length:
            meant = _begun(text, whole)
        if not meant:
            found[text] = f"the benchmark has no prompt {text!r}"
        elif len(meant) > 1:
            found[text] = (
                f"{len(meant):,} prompts have this file name once it is cut, such as {meant[0]!r} "
                f"and {meant[1]!r}, and nothing says whose image it is: make these images again "
                "under names that differ"
            )
        else:
            found[text] = known[meant[0]]
    return found


def _begun(text: str, whole: Sequence[str]) -> list[str]:
    """The sorted texts that begin with this one, itself among them."""
    if len(text) < LEAST_CUT:
        return []
    longer = []
    for place in range(bisect_left(whole, text), len(whole)):
        if not whole[place].startswith(text):
            break
        longer.append(whole[place])
    return longer
