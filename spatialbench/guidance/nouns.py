"""Where the objects of a prompt stand in its text, as character spans."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ..errors import UserError
from ..prompts import Prompt, Triplet, asked_triplets
from ..relations import RelationMatch, find_relations

Span = tuple[int, int]


def guided_triplets(prompt: Prompt) -> tuple[Triplet, ...]:
    """Every triplet that the prompt asks for.

    Raises:
        UserError: it has none.
    """
    triplet_of(prompt)
    return asked_triplets(prompt)


def triplet_spans(prompt: Prompt, triplets: Sequence[Triplet]) -> list[tuple[Span, Span]]:
    """:func:`object_spans` of each of a prompt's triplets.

    Where the text has a relation phrase for each triplet that the prompt asks for, in their order,
    a triplet's own phrase is looked at first.

    Raises:
        UserError: as :func:`object_spans`.
    """
    asked = list(asked_triplets(prompt))
    phrases = find_relations(prompt.text)
    aligned = [p.relation for p in phrases] == [t.relation for t in asked]
    found = []
    for triplet in triplets:
        own = [phrases[asked.index(triplet)]] if aligned and triplet in asked else []
        found.append(_pair_spans(prompt, triplet, [*own, *phrases]))
    return found


def object_spans(prompt: Prompt) -> tuple[Span, Span]:
    """Characters ``[start, end)`` of the subject's and of the object's whole name in the text.

    The subject is the last whole-word occurrence before the relation phrase and the object the
    first one after it, so that "a dog to the left of a hot dog" never takes one word for both. In a
    sentence of another order the longer name is placed first and the shorter one elsewhere. Where
    the triplet names classes that the text does not (person for girl), ``prompt.objects`` is used.

    Raises:
        UserError: the prompt has no triplet, or one of the names is not in the text.
    """
    return triplet_spans(prompt, [triplet_of(prompt)])[0]


def _pair_spans(
    prompt: Prompt, triplet: Triplet, phrases: Sequence[RelationMatch]
) -> tuple[Span, Span]:
    names = [(triplet.subject, triplet.object)]
    if len(prompt.objects) == 2:
        names.append((prompt.objects[0], prompt.objects[1]))
    own = [phrase for phrase in phrases if phrase.relation is triplet.relation]
    longer = _parts_of_others(prompt) if len(asked_triplets(prompt)) > 1 else {}
    for subject, object_ in names:
        spans = _beside_a_phrase(prompt.text, own, subject, object_, longer)
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
    """Each object of a prompt's relations once, or :func:`named_spans` of a prompt without one.

    The two of a single relation are two also where they have one name.

    Raises:
        UserError: as :func:`object_spans` and :func:`named_spans`.
    """
    if prompt.triplet is None:
        return named_spans(prompt)
    triplets = guided_triplets(prompt)
    found: dict[tuple[str, bool], Span] = {}
    for triplet, pair in zip(triplets, triplet_spans(prompt, triplets), strict=True):
        found.setdefault((triplet.subject, False), pair[0])
        found.setdefault((triplet.object, triplet.object == triplet.subject), pair[1])
    return tuple(found.values())


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


def _parts_of_others(prompt: Prompt) -> dict[str, list[Span]]:
    """By name of an object, the longer names that hold it: where the hot dog is, no dog is."""
    names = {name for t in asked_triplets(prompt) for name in (t.subject, t.object)}
    return {
        name: [span for other in names - {name} for span in _longer(name, other, prompt.text)]
        for name in names
    }


def _longer(name: str, other: str, text: str) -> list[Span]:
    return _occurrences(other, text) if _occurrences(name, other) else []


def _beside_a_phrase(
    text: str,
    phrases: Sequence[RelationMatch],
    subject: str,
    object_: str,
    parts: Mapping[str, Sequence[Span]],
) -> tuple[Span, Span] | None:
    def free(name: str) -> list[Span]:
        return [
            (start, end)
            for start, end in _occurrences(name, text)
            if not any(first <= start and end <= last for first, last in parts.get(name, ()))
        ]

    for phrase in phrases:
        before = [s for s in free(subject) if s[1] <= phrase.start]
        after = [s for s in free(object_) if s[0] >= phrase.end]
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
