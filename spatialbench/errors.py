"""The one exception for "you can fix this", and the sentence for a name nobody knows."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Something the user can put right: printed as one sentence, exit status 2, no traceback.

    The message says what was wrong, what was expected, and what to type next.
    """


MOST_CHARACTERS = 4000
"""Of a message on the terminal."""


def printable(text: str) -> str:
    """A message as a terminal may have it: no control characters, and no end of it.

    Messages quote files, and a file may quote what moves the cursor or colours the screen.
    """
    if len(text) > MOST_CHARACTERS:
        half = MOST_CHARACTERS // 2
        text = f"{text[:half]} [...] {text[-half:]}"
    return "".join(
        c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text
    )


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UserError:
    """The error for a name outside a closed list, with near matches first."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    listing = ", ".join(names) if names else "none"
    return UserError(f"unknown {kind} {name!r}: {hint}Known: {listing}.")
