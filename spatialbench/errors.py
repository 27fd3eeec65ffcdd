"""The one exception for "you can fix this", and the sentence for a name nobody knows."""

from __future__ import annotations

import difflib
import re
import shlex
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class UserError(Exception):
    """Something the user can put right: printed as one sentence, exit status 2, no traceback.

    The message says what was wrong, what was expected, and what to type next.
    """


class NotHere(UserError):
    """What was asked for may be sound, and this machine lacks it: weights, a file, a network."""


def plugin_failed(whose: str, error: Exception) -> UserError:
    """The error for an exception out of a plug-in's code, which its author can put right.

    Args:
        whose: such as ``the rule near/1``.
    """
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""
    told = " ".join(str(error).split())
    return UserError(f"{whose} fails with {type(error).__name__}: {told}{where}.")


@contextmanager
def blamed(whose: str) -> Iterator[None]:
    """Exceptions of a plug-in's code, raised here, name it; see ``plugin_failed``."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        raise plugin_failed(whose, error) from error


_PLAIN = re.compile(r"[\w@%+=:,./~-]+")
_IN_QUOTES = re.compile(r"[^\"$`\\!]*")


def typed(*words: object) -> str:
    """``spatialbench score "my run"``: what to type next, ready to be copied.

    Messages put it between single quotes, so that double ones are used inside where they can be.
    """
    return " ".join(["spatialbench", *(_quoted(str(word)) for word in words)])


def is_plain(word: str) -> bool:
    """Whether a shell takes a word as it stands."""
    return _PLAIN.fullmatch(word) is not None


def _quoted(word: str) -> str:
    if is_plain(word):
        return word
    return f'"{word}"' if _IN_QUOTES.fullmatch(word) else shlex.quote(word)


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UserError:
    """The error for a name outside a closed list, with near matches first."""
    names = sorted(known)
    spelt: dict[str, list[str]] = {}
    for one in names:
        spelt.setdefault(one.casefold(), []).append(one)
    close = difflib.get_close_matches(name.casefold(), spelt, n=3, cutoff=0.5)
    near = [one for spelling in close for one in spelt[spelling]][:3]
    hint = f": did you mean {' or '.join(near)}?" if near else "."
    listing = ", ".join(names) if names else "none"
    return UserError(f"unknown {kind} {name!r}{hint} Known: {listing}.")
