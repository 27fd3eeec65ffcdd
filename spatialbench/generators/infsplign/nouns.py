"""Where the two objects of a prompt stand in its text, as character spans."""

from __future__ import annotations

import re

from ...errors import UserError
from ...prompts import Prompt, Triplet
from ...relations import find_relations

Span = tuple[int, int]


def object_spans(prompt: Prompt) -> tuple[Span, Span]:
    """Characters ``[start, end)`` of the subject's and of the object's whole name in the text.

    The subject is the last whole-word occurrence before the relation phrase and the object the
    first one after it, so that "a dog to the left of a hot dog" never takes one word for both. In a
    sentence of another order the longer name is placed first and the shorter one elsewhere.

    Raises:
        UserError: the prompt has no triplet, or one of the names is not in the text.
    """
    triplet = prompt.triplet
    if triplet is None:
        raise UserError(
            f"prompt {prompt.id} ({prompt.text!r}) names no relation of two objects, which "
            "infsplign needs; choose a subset whose prompts do, or use --method sd."
        )
    subject, object_ = _written_names(prompt, triplet)
    for phrase in find_relations(prompt.text):
        if phrase.relation is triplet.relation:
            before = [s for s in _occurrences(subject, prompt.text) if s[1] <= phrase.start]
            after = [s for s in _occurrences(object_, prompt.text) if s[0] >= phrase.end]
            if before and after:
                return before[-1], after[0]
    return _apart(prompt, subject, object_)


def _written_names(prompt: Prompt, triplet: Triplet) -> tuple[str, str]:
    """The names as the text writes them, where the triplet names a class instead (person, girl)."""
    names = [triplet.subject, triplet.object]
    if len(prompt.objects) == 2:
        for which, written in enumerate(prompt.objects):
            if not _occurrences(names[which], prompt.text):
                names[which] = written
    return names[0], names[1]


def _apart(prompt: Prompt, subject: str, object_: str) -> tuple[Span, Span]:
    """Any two occurrences that share no character, the longer name's first."""
    names = (subject, object_)
    found: dict[int, Span] = {}
    for which in sorted((0, 1), key=lambda i: -len(names[i])):
        taken = list(found.values())
        free = [
            s
            for s in _occurrences(names[which], prompt.text)
            if all(s[1] <= t[0] or s[0] >= t[1] for t in taken)
        ]
        if not free:
            raise UserError(
                f"prompt {prompt.id} ({prompt.text!r}) does not contain the object "
                f"{names[which]!r} as words of its own; infsplign steers by the words of both "
                "objects: correct the prompt or its triplet."
            )
        found[which] = free[0]
    return found[0], found[1]


def _occurrences(name: str, text: str) -> list[Span]:
    words = r"\s+".join(re.escape(word) for word in name.split())
    if not words:
        return []
    return [m.span() for m in re.finditer(rf"(?<!\w){words}(?!\w)", text, re.IGNORECASE)]
