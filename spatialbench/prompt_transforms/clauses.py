"""Prompts taken apart by template: ``prefix? A (is)? relation B suffix?``, one clause or several.

A prompt outside the template, or one whose reading would change if A and B changed places (shared
or joined operands, pronouns, verbs of posture), is not taken apart at all.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from .phrases import PhraseMatch, find_phrases

_IMAGE = "photo|photograph|picture|image|painting|drawing|illustration|sketch|rendering|render"
_PREFIX = re.compile(
    rf"(?:(?:in|on|at)\s+[^,]+,\s+|there\s+(?:is|are)\s+"
    rf"|(?:(?:an?|the)\s+)?(?:[\w-]+\s+){{0,3}}?(?:{_IMAGE}|view)\s+(?:of|showing)\s+)+",
    re.IGNORECASE,
)
_LINK = re.compile(
    r"(?:\s+(?:is|are|was|were))?(?:\s+(?:located|placed|positioned|shown))?"
    r"(?:\s+(?:directly|just|slightly|immediately|right))?\s+$",
    re.IGNORECASE,
)
_SUFFIX = re.compile(
    r"\s*[.!?]+\s*$|\s*,.*$|\s+(?:in|on|at|inside|outside|during|against)\s+.*$",
    re.IGNORECASE | re.DOTALL,
)
_SEPARATOR = re.compile(r";\s*|[.!?]\s+|,?\s+(?:and|while|but|with)\s+|,\s+", re.IGNORECASE)
_POSTURE = re.compile(
    r"\b(?:sits?|sitting|sat|stands?|standing|stood|lies|lying|lay|rests?|resting|hangs?|hanging"
    r"|seated|parked|walks?|walking|runs?|running|flies|flying|floats?|floating|leans?|leaning"
    r"|holds?|holding|looks?|looking)$",
    re.IGNORECASE,
)
_UNCLEAR = re.compile(
    r"\band\b|\bor\b|,|;|\b(?:its?|his|hers?|their|theirs|them|they|he|she|itself|himself|herself"
    r"|another|other|each|which|that|who)\b",
    re.IGNORECASE,
)
_ARTICLE = re.compile(r"(?:an?|the|one|two|three|four|some)\b", re.IGNORECASE)
_SINGULAR = re.compile(r"(?:an?|one|this)\b", re.IGNORECASE)
_PLURAL = re.compile(
    r"(?:two|three|four|five|six|seven|eight|nine|ten|some|several|many|these|those|\d+)\b",
    re.IGNORECASE,
)
_NUMBERS = {"is": "are", "was": "were"}


@dataclass(frozen=True, slots=True)
class Clause:
    """One relation of a text; the fields joined without anything between are the clause again.

    Attributes:
        prefix: such as ``a photo of ``; may be empty.
        first: the operand before the relation, with its article.
        link: from there to the phrase, such as `` is ``.
        phrase: the relation phrase as written.
        space: between phrase and second operand.
        second: the operand after it.
        suffix: such as `` in a city`` or a full stop; may be empty.
        known: the phrase in lower case with single spaces.
    """

    prefix: str
    first: str
    link: str
    phrase: str
    space: str
    second: str
    suffix: str
    known: str

    def __str__(self) -> str:
        parts = (self.prefix, self.first, self.link, self.phrase, self.space, self.second)
        return "".join(parts) + self.suffix

    def exchanged(self, phrase: str | None = None) -> Clause:
        """Operands exchanged with their articles; another phrase in the place of the old one.

        A capital that began the clause, and the number of ``is``, go with the new order.
        """
        first, second = self.second, self.first
        if self.first[:1].isupper() and not self.prefix:
            first = first[:1].upper() + first[1:]
            if _ARTICLE.match(second):
                second = second[:1].lower() + second[1:]
        link = _agreeing(self.link, first)
        new = self.phrase if phrase is None else phrase
        return replace(self, first=first, second=second, link=link, phrase=new)


@dataclass(frozen=True, slots=True)
class Sentence:
    """A text as clauses and what stands between them: ``between[i]`` follows ``clauses[i]``."""

    clauses: tuple[Clause, ...]
    between: tuple[str, ...]

    def __str__(self) -> str:
        ends = (*self.between, "")
        return "".join(f"{clause}{end}" for clause, end in zip(self.clauses, ends, strict=True))


def parse(text: str) -> Sentence | None:
    """A text as clauses; None outside the template. ``str(parse(text)) == text``."""
    found = find_phrases(text)
    if not found:
        return None
    pieces = _pieces(text, found)
    if pieces is None:
        return None
    starts, between = pieces
    clauses = []
    for match, (start, end) in zip(found, starts, strict=True):
        clause = _clause(text, match, start, end)
        if clause is None:
            return None
        clauses.append(clause)
    return Sentence(tuple(clauses), tuple(between))


def _pieces(
    text: str, found: Sequence[PhraseMatch]
) -> tuple[list[tuple[int, int]], list[str]] | None:
    """Where each clause starts and ends; None unless one separator lies between two relations."""
    bounds, between, start = [], [], 0
    for this, following in pairwise(found):
        gaps = list(_SEPARATOR.finditer(text, this.end, following.start))
        if len(gaps) != 1:
            return None
        bounds.append((start, gaps[0].start()))
        between.append(gaps[0].group())
        start = gaps[0].end()
    return [*bounds, (start, len(text))], between


def _clause(text: str, match: PhraseMatch, start: int, end: int) -> Clause | None:
    before, after = text[start : match.start], text[match.end : end]
    opening = _PREFIX.match(before)
    prefix = opening.group() if opening else ""
    link = _LINK.search(before, len(prefix))
    if link is None:
        return None
    first = before[len(prefix) : link.start()]
    space = after[: len(after) - len(after.lstrip())]
    closing = _SUFFIX.search(after, len(space))
    second = after[len(space) : closing.start() if closing else len(after)]
    suffix = closing.group() if closing else ""
    if not space or not _operand(first) or not _operand(second) or _POSTURE.search(first):
        return None
    phrase = text[match.start : match.end]
    return Clause(prefix, first, link.group(), phrase, space, second, suffix, match.phrase)


def _operand(text: str) -> bool:
    """Whether a text names one thing and nothing of the rest of the sentence."""
    bare = _ARTICLE.sub("", text, count=1).strip()
    return bool(bare) and text == text.strip() and not _UNCLEAR.search(text)


def _agreeing(link: str, subject: str) -> str:
    def agree(match: re.Match[str]) -> str:
        word = match.group()
        for one, many in _NUMBERS.items():
            if word == one and _PLURAL.match(subject):
                return many
            if word == many and _SINGULAR.match(subject):
                return one
        return word

    return re.sub(r"\b(?:is|are|was|were)\b", agree, link)
