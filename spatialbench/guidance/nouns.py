"""Where the objects of a prompt stand in its text, as character spans."""

from __future__ import annotations

import re

from ..errors import UserError
from ..prompts import Prompt, Triplet
from ..relations import Relation, find_relations

Span = tuple[int, int]


def object_spans(prompt: Prompt) -> tuple[Span, Span]:
    """Characters ``[start, end)`` of the subject's and of the object's whole name in the text.

    The subject is the last whole-word occurrence before the relation phrase and the object the
    first one after it, so that "a dog to the left of a hot dog" never takes one word for both. In a
    sentence of another order the longer name is placed first and the shorter one elsewhere. Where
    the triplet names classes that the text does not (person for girl), ``prompt.objects`` is used.

    Raises:
        UserError: the prompt has no triplet, or one of the names is not in the text.
    """
    triplet = triplet_of(prompt)
    names = [(triplet.subject, triplet.object)]
    if len(prompt.objects) == 2:
        names.append((prompt.objects[0], prompt.objects[1]))
    for subject, object_ in names:
        spans = _beside_the_relation(prompt.text, triplet.relation, subject, object_)
        spans = spans or _apart(prompt.text, subject, object_)
        if spans:
            return spans
    subject, object_ = names[0]
    raise UserError(
        f"prompt {prompt.id} ({prompt.text!r}) does not contain both {subject!r} and {object_!r} "
        "as words of their own; this method steers by the words of both objects: correct the "
        "prompt or its triplet."
    )


def guided_spans(prompt: Prompt) -> tuple[Span, ...]:
    """:func:`object_spans` of a prompt that asks for a relation, :func:`named_spans` of others.

    Raises:
        UserError: as these.
    """
    return object_spans(prompt) if prompt.triplet else named_spans(prompt)


def triplet_of(prompt: Prompt) -> Triplet:
    """The prompt's triplet.

    Raises:
        UserError: it has none.
    """
    if prompt.triplet is None:
        raise UserError(
            f"prompt {prompt.id} ({prompt.text!r}) names no relation of two objects, which "
            "this method needs; choose a subset whose prompts do, or use --method sd."
        )
    return prompt.triplet


def named_spans(prompt: Prompt) -> tuple[Span, ...]:
    """Characters ``[start, end)`` of each name in ``prompt.objects``, once each, in that order.

    A plural ("three dogs") counts. Longer names are placed first, so that a dog is never sought
    inside a hot dog.

    Raises:
        UserError: the prompt names no object, or one of the names is not in the text.
    """
    names = list(dict.fromkeys(prompt.objects))
    if not names:
        raise UserError(
            f"prompt {prompt.id} ({prompt.text!r}) names no object, which this method needs; "
            "choose a subset whose prompts do, or use --method sd."
        )
    taken: dict[str, Span] = {}
    for name in sorted(names, key=len, reverse=True):
        free = [
            span
            for span in _occurrences(name, prompt.text, plural=True)
            if all(span[1] <= other[0] or span[0] >= other[1] for other in taken.values())
        ]
        if not free:
            raise UserError(
                f"prompt {prompt.id} ({prompt.text!r}) does not contain {name!r} as a word of its "
                "own; this method steers by the words of the objects: correct the prompt or its "
                "objects."
            )
        taken[name] = free[0]
    return tuple(taken[name] for name in names)


def _beside_the_relation(
    text: str, relation: Relation, subject: str, object_: str
) -> tuple[Span, Span] | None:
    for phrase in find_relations(text):
        if phrase.relation is relation:
            before = [s for s in _occurrences(subject, text) if s[1] <= phrase.start]
            after = [s for s in _occurrences(object_, text) if s[0] >= phrase.end]
            if before and after:
                return before[-1], after[0]
    return None


def _apart(text: str, subject: str, object_: str) -> tuple[Span, Span] | None:
    """Any two occurrences that share no character, the longer name's first."""
    longer_first = len(subject) >= len(object_)
    longer, shorter = (subject, object_) if longer_first else (object_, subject)
    for one in _occurrences(longer, text):
        for other in _occurrences(shorter, text):
            if one[1] <= other[0] or one[0] >= other[1]:
                return (one, other) if longer_first else (other, one)
    return None


def _occurrences(name: str, text: str, *, plural: bool = False) -> list[Span]:
    words = r"\s+".join(re.escape(word) for word in name.split())
    if not words:
        return []
    ending = "(?:s|es)?" if plural else ""
    return [m.span() for m in re.finditer(rf"(?<!\w){words}{ending}(?!\w)", text, re.IGNORECASE)]
