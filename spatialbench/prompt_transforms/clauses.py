"""Prompts taken apart by template: ``prefix? A (is)? relation B suffix?``, one clause or several.

A clause may leave its subject out, where the one before has it: ``A relation B and relation C``.

A prompt outside the template, or one whose reading would change if A and B changed places (joined
operands, pronouns, verbs of posture), is not taken apart at all.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from .phrases import PhraseMatch, find_phrases, find_places
from .places import IMAGE, SCENE

_SHOWS = r"(?:of|showing|depicting|featuring|in\s+which|where)"
_ADJECTIVES = r"(?:(?!(?:an?|the|of|on|in|at|by|near|with|and|or)\b)[\w-]+\s+){0,3}?"
_PREFIX = re.compile(
    rf"(?:(?:in|on|at)\s+[^,]+?(?:,\s+|\s+(?=there\s+(?:is|are)\b))|there\s+(?:is|are)\s+"
    rf"|(?:(?:an?|the)\s+)?(?:(?!an?\b|the\b)[\w-]+\s+){{0,3}}?(?:{IMAGE}|view|scene)\s+{_SHOWS}\s+"
    rf"|(?:(?:an?|the)\s+)?{_ADJECTIVES}(?:{SCENE}|photo|photograph|image|picture)"
    rf"(?:\s+(?:scene|view|at|in|of)(?:\s+[\w-]+){{0,2}}?)?"
    rf"(?:\s+(?:with|showing|featuring|containing|in\s+which|where)|\s*:)\s+)+",
    re.IGNORECASE,
)
_BE = r"(?:is|are|was|were)"
_PLACED = r"(?:located|placed|positioned|shown|seen|situated)"
_ADVERB = (
    r"(?:directly|just|slightly|immediately|partly|partially|mostly|far|well|somewhere|right"
    r"|a\s+(?:bit|little))"
)
_LINK = re.compile(
    rf"(?:\s+{_BE})?(?:\s+{_PLACED})?(?:\s+{_ADVERB})?\s+$",
    re.IGNORECASE,
)
_LINK_ALONE = re.compile(
    rf"(?P<be>{_BE}\s+)?(?:(?:also|both)\s+)?(?P<rest>(?:{_PLACED}\s+)?(?:{_ADVERB}\s+)?)",
    re.IGNORECASE,
)
_SUFFIX = re.compile(
    r"\s*[.!?]+\s*$|\s*,.*$|\s+(?:in|on|at|inside|outside|during|against)\s+.*$"
    r"|\s+with\s+[^,]*\b(?:background|backdrop|foreground|distance|sky|lighting|bokeh)\b.*$",
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
    r"\band\b|\bor\b|,|;|:|\b(?:its?|his|hers?|their|theirs|them|they|he|she|itself|himself|herself"
    r"|another|other|each|which|that|who|there|here)\b"
    # Words that no name of a thing begins or ends with: the phrase is longer than it was known.
    r"|^(?:of|to|from|on|in|at|by|with|than|it)\b"
    r"|\b(?:of|to|from|on|in|at|by|with|the|far|upper|lower|top|bottom|down|up|hidden|half)$",
    re.IGNORECASE,
)
_WITH = re.compile(r"\bwith(?:out)?\b", re.IGNORECASE)
_CONJUNCTION = re.compile(r",?\s+(?:and|while|but)\s+", re.IGNORECASE)
_NEW_SUBJECT = re.compile(r"\s*,\s*(?:an?|the|one|two|three|four|some|there)\b", re.IGNORECASE)
_ARTICLE = re.compile(r"(?:an?|the|one|two|three|four|some)\b", re.IGNORECASE)
_NEW = re.compile(r"(?:an?|one|two|three|four|some)\b", re.IGNORECASE)
_SINGULAR = re.compile(r"(?:an?|one|this)\b", re.IGNORECASE)
_PLURAL = re.compile(
    r"(?:two|three|four|five|six|seven|eight|nine|ten|some|several|many|these|those|\d+)\b",
    re.IGNORECASE,
)
_COUNTS = ("two", "three", "four")
_NUMBERS = {"is": "are", "was": "were"}


@dataclass(frozen=True, slots=True)
class Clause:
    """One relation of a text; the fields joined without anything between are the clause again.

    Attributes:
        prefix: such as ``a photo of ``; may be empty.
        first: the operand before the relation, with its article; empty where it is shared.
        link: from there to the phrase, such as `` is ``.
        phrase: the relation phrase as written.
        space: between phrase and second operand.
        second: the operand after it.
        suffix: such as `` in a city`` or a full stop; may be empty.
        known: the phrase in lower case with single spaces.
        shared: the clause before whose first operand is the one of this clause too.
        begins: whether a sentence begins with it, so that a capital may.
    """

    prefix: str
    first: str
    link: str
    phrase: str
    space: str
    second: str
    suffix: str
    known: str
    shared: Clause | None = None
    begins: bool = True

    @property
    def subject(self) -> str:
        """The first operand, wherever it stands."""
        return self.first if self.shared is None else self.shared.first

    def in_full(self) -> Clause:
        """The clause with a subject of its own: that of the clause before is said again.

        ``right of a bird`` after ``a dog is below a cat`` is ``the dog is right of a bird``.
        """
        if self.shared is None:
            return self
        own = _LINK_ALONE.fullmatch(self.link)
        be = re.search(rf"\b{_BE}\b", self.shared.link, re.IGNORECASE)
        verb = (own and own["be"]) or (f"{be.group()} " if be else "")
        link = f" {verb}{own['rest'] if own else ''}"
        return replace(self, first=_said_again(self.subject), link=link, shared=None)

    def __str__(self) -> str:
        parts = (self.prefix, self.first, self.link, self.phrase, self.space, self.second)
        return "".join(parts) + self.suffix

    def exchanged(self, phrase: str | None = None) -> Clause:
        """Operands exchanged with their articles; another phrase in the place of the old one.

        A capital that began the clause, and the number of ``is``, go with the new order. A clause
        that shares its subject is said in full.
        """
        if self.shared is not None:
            return self.in_full().exchanged(phrase)
        first, second = self.second, self.first
        if self.begins and self.first[:1].isupper() and not self.prefix:
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
    bounds, between = pieces
    clauses: list[Clause] = []
    for match, (start, end), separator in zip(found, bounds, ("", *between), strict=True):
        if clauses and _LINK_ALONE.fullmatch(text, start, match.start):
            clause = _sharing(clauses, text, match, start, end)
        else:
            clause = _clause(text, match, start, end)
        if clause is None:
            return None
        begins = not separator or separator[0] in ".!?"
        clauses.append(clause if begins else replace(clause, begins=False))
    if not _all_joined(clauses, between):
        return None
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
    """The clause with a subject of its own in ``text[start:end]``, or None."""
    before = text[start : match.start]
    opening = _PREFIX.match(before)
    prefix = opening.group() if opening else ""
    link = _LINK.search(before, len(prefix))
    if link is None:
        return None
    first = before[len(prefix) : link.start()]
    if not _operand(first) or _POSTURE.search(first) or _WITH.search(first):
        return None
    if any(start + len(prefix) <= place.start < end for place in find_places(text)):
        return None
    return _with_second(Clause(prefix, first, link.group(), "", "", "", "", ""), text, match, end)


def _sharing(
    before: Sequence[Clause], text: str, match: PhraseMatch, start: int, end: int
) -> Clause | None:
    """The clause without a subject of its own in ``text[start:end]``, or None."""
    if any(start <= place.start < end for place in find_places(text)):
        return None
    shared = before[-1].shared or before[-1]
    clause = Clause("", "", text[start : match.start], "", "", "", "", "", shared)
    made = _with_second(clause, text, match, end)
    # What follows may be the subject of the phrase: "to the right of a bird, a car".
    if made is None or _NEW_SUBJECT.match(made.suffix):
        return None
    # "the dog" would be any of two: "a dog below a dog and right of a cat".
    seconds = [c.second for c in (*before, made) if c is shared or c.shared is shared]
    twice = any(_NEW.match(second) and _name(second) == _name(shared.first) for second in seconds)
    return None if twice else made


def _with_second(clause: Clause, text: str, match: PhraseMatch, end: int) -> Clause | None:
    """A clause with its phrase and what follows it up to ``end``, or None."""
    after = text[match.end : end]
    space = after[: len(after) - len(after.lstrip())]
    closing = _SUFFIX.search(after, len(space))
    second = after[len(space) : closing.start() if closing else len(after)]
    if not space or not _operand(second):
        return None
    return replace(
        clause,
        phrase=text[match.start : match.end],
        space=space,
        second=second,
        suffix=closing.group() if closing else "",
        known=match.phrase,
    )


def _all_joined(clauses: Sequence[Clause], between: Sequence[str]) -> bool:
    """Whether every clause that shares its subject is joined by a conjunction, as lists are.

    In ``A left of B, right of C and above D`` a comma stands for the conjunction that follows; in
    ``A left of B, right of C`` it may be B that is right of C.
    """
    joined = False
    for clause, separator in reversed(list(zip(clauses[1:], between, strict=True))):
        if clause.shared is None:
            joined = False
            continue
        joined = _CONJUNCTION.fullmatch(separator) is not None or (
            joined and separator.strip() == ","
        )
        if not joined:
            return False
    return True


def _operand(text: str) -> bool:
    """Whether a text names one thing and nothing of the rest of the sentence."""
    bare = _ARTICLE.sub("", text, count=1).strip()
    return bool(bare) and text == text.strip() and not _UNCLEAR.search(text)


def _name(operand: str) -> str:
    return " ".join(_ARTICLE.sub("", operand, count=1).lower().split())


def _said_again(subject: str) -> str:
    """A thing named before: ``a dog`` is ``the dog``, ``two dogs`` are ``the two dogs``."""
    article = _ARTICLE.match(subject)
    if article is None:
        return f"the {subject}" if _PLURAL.match(subject) and subject[0].isdigit() else subject
    word = article.group().lower()
    rest = subject[article.end() :]
    return f"the {word}{rest}" if word in _COUNTS else f"the{rest}"


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
