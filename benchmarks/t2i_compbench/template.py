"""The benchmark's sentences taken apart by the template they were made from, without a tagger.

``a dog on the left of a cat`` (2D and 3D) and ``The red hat was on top of the brown coat.``
(complex). The words found are those the official scorer looks for: of a name of several words it
takes one, because it goes by single nouns.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from .position import DEPTH_WORDS, LOCALITIES

_ARTICLE = r"(?:an?|the)"
_RELATIONS = "|".join(sorted([*LOCALITIES, "in front of", "behind", "hidden by"], key=len)[::-1])
_SIMPLE = re.compile(
    rf"{_ARTICLE} (?P<first>[a-z ]+?) (?P<relation>{_RELATIONS}) {_ARTICLE} (?P<second>[a-z ]+)"
)
_COMPLEX = re.compile(
    rf"{_ARTICLE} (?P<adjective>[a-z]+) (?P<first>[a-z ]+?) (?:is|are|was|were) "
    rf"(?P<relation>{_RELATIONS}) {_ARTICLE} [a-z]+ (?P<second>[a-z ]+)\.",
    re.IGNORECASE,
)

NO_NOUNS = frozenset(("rocking",))
"""First words of a name in the complex prompts that say what the thing does: no nouns."""


class Sentence(NamedTuple):
    """Two names as the text has them, the relation phrase, and the two words the scorer looks up.

    ``words`` differ from the names where a name has several words.
    """

    first: str
    phrase: str
    second: str
    words: tuple[str, str]


def parse_simple(text: str) -> Sentence | None:
    """A 2D or 3D prompt; None for another sentence. The last word of a name is its noun."""
    match = _SIMPLE.fullmatch(text)
    if match is None:
        return None
    first, second = match["first"], match["second"]
    words = first.split()[-1], second.split()[-1]
    return Sentence(first, match["relation"].lower(), second, words)


def parse_complex(text: str) -> Sentence | None:
    """A complex prompt: an adjective before either name; None for another sentence.

    The scorer takes the noun nearest to the relation word: the last word of the first name, and
    the first noun of the second (``coat`` of a coat rack).
    """
    match = _COMPLEX.fullmatch(text)
    if match is None:
        return None
    first, second = match["first"], match["second"]
    after = [word for word in second.split() if word not in NO_NOUNS]
    return Sentence(first, match["relation"].lower(), second, (first.split()[-1], after[0]))


def words_of(text: str) -> tuple[str, ...]:
    """Words and punctuation marks of a sentence, the way numeracy prompts are split."""
    return tuple(re.findall(r"\w+|[^\w\s]", text))


def is_depth_phrase(phrase: str) -> bool:
    """Whether a relation phrase is one of the 3D prompts."""
    return phrase.startswith(DEPTH_WORDS)
