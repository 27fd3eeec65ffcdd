"""Labels none of which is a name that is asked for: what was given, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ..errors import UserError

_SHOWN = 3
_ENDINGS = ("s", "es")
_MARKS = "\"'.,:;!?()[]{}<>"


def other_names(labels: Iterable[str], asked: Iterable[str]) -> UserError:
    """The error for labels none of which is a name that is asked for, with what to do about it."""
    given, names = list(labels), list(asked)
    return UserError(
        f"no label of the detections is a name that the prompts ask for: the labels are "
        f"{some(given)}, and the names are {some(names)}. {_what_to_do(given, names)}; as they "
        "stand, every image would count as wrong."
    )


def some(names: Sequence[str]) -> str:
    """The first three names in quotes: ``'cat', 'dog', 'cow', ...``."""
    shown = ", ".join(map(repr, names[:_SHOWN]))
    return f"{shown}, ..." if len(names) > _SHOWN else shown or "none"


def _what_to_do(labels: Iterable[str], names: Iterable[str]) -> str:
    """The first label that is nearly one of the names, and what makes it one."""
    known = {_words(name): name for name in names}
    for label in labels:
        plain = _words(label)
        if (name := known.get(plain)) is not None:
            return _spelt_otherwise(label, name)
        for ending in _ENDINGS:
            if plain.endswith(ending) and (name := known.get(plain.removesuffix(ending))):
                return f"Give one object's name to a box: {label!r} is {name!r}"
        for words in sorted(known, key=len, reverse=True):
            if words and f" {words} " in f" {plain} ":
                what = f"Strip the words of the query from the labels: {label!r} is"
                return f"{what} {known[words]!r}"
    if all(label.isascii() and label.isdecimal() for label in labels):
        return "Give every box the name of its class, not the number"
    return "Give every box one of the names that its prompt asks for"


def _words(name: str) -> str:
    """A name by its words alone: small letters, one blank between, no marks around them."""
    apart = re.sub(r"[\s_\-\u200b\ufeff]+", " ", name.casefold())
    return " ".join(word.strip(_MARKS) for word in apart.split()).strip()


def _spelt_otherwise(label: str, name: str) -> str:
    if " ".join(label.split()) == name:
        return f"Take the blanks around the names out: {label!r} is {name!r}"
    if label.casefold() == name.casefold():
        return f"Write the names as they are asked, letter by letter: {label!r} is {name!r}"
    if label.replace("_", " ").replace("-", " ") == name:
        return f"Write blanks between the words: {label!r} is {name!r}"
    if label.strip(_MARKS) == name:
        return f"Strip the words of the query from the labels: {label!r} is {name!r}"
    return f"Write the names as they are asked, letter by letter: {label!r} is {name!r}"
