"""Which words of a prompt the released script guides: a fixed table, for the prompts that have one.

The authors' ``run.py`` (MICV-yonsei/STORM at 88dbc3a) asks spaCy for the nouns of the prompt
(left and right are none), keeps those that are one token of CLIP, takes the last of neighbours,
and guides the prompt only if exactly two remain. An adjective belongs to the next noun after it.
What spaCy says depends on its version and on the sentence, so ``tagged_words.json`` holds what it
said of every prompt of VISOR, GenEval and T2I-CompBench; it names the versions. Words of several
tokens are left out of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from ...errors import UserError
from ...guidance.nouns import Span
from ...prompts import Prompt

_FILE = Path(__file__).with_name("tagged_words.json")
_WORD = re.compile(r"\w+|[^\w\s]")
_BETWEEN = ("to the left of", "to the right of", "above", "below", "and")
_HASH = 12


@dataclass(frozen=True, slots=True)
class GuidedWords:
    """Characters ``[start, end)`` of the words: the first noun's is the subject's.

    Attributes:
        adjectives: the adjective of each noun, or None.
    """

    nouns: tuple[Span, Span]
    adjectives: tuple[Span | None, Span | None]


@dataclass(frozen=True, slots=True)
class _Table:
    kinds: Mapping[str, str]
    """Of a word, ``noun`` or ``adjective``, where it is nearly always that."""
    things: frozenset[str]
    unusual: Mapping[str, Mapping[str, str]]
    """Of a prompt, the words that are something else in it."""
    others: frozenset[str]

    def holds(self, text: str) -> bool:
        """Whether spaCy was asked about this prompt."""
        if text in self.things or sha256(text.encode()).hexdigest()[:_HASH] in self.others:
            return True
        for between in _BETWEEN:
            first, found, second = text.partition(f" {between} ")
            if found and first != second and {first, second} <= self.things:
                return True
        return False


def guided_words(prompt: Prompt) -> GuidedWords | None:
    """The words that the script guides, or None for a prompt that it leaves alone.

    Raises:
        UserError: a prompt that is not in the table.
    """
    text = prompt.text
    table = _table()
    if not table.holds(text):
        raise UserError(
            f"prompt {prompt.id} ({text!r}) is not one of those whose nouns storm-released knows: "
            "the prompts of visor, geneval and t2i-compbench (2d, 3d, numeracy, complex) as they "
            "stand; to guide the objects that the benchmark names, add --set nouns=given."
        )
    words = list(_WORD.finditer(text))
    here = table.unusual.get(text, {})
    kinds = [here.get(word.group(), table.kinds.get(word.group())) for word in words]
    nouns = _last_of_neighbours([i for i, kind in enumerate(kinds) if kind == "noun"])
    if len(nouns) != 2:
        return None
    owned: list[Span | None] = [None, None]
    for place in _last_of_neighbours([i for i, kind in enumerate(kinds) if kind == "adjective"]):
        for which, noun in enumerate(nouns):
            if noun > place:
                owned[which] = words[place].span()
                break
    return GuidedWords((words[nouns[0]].span(), words[nouns[1]].span()), (owned[0], owned[1]))


def _last_of_neighbours(places: Sequence[int]) -> list[int]:
    return [place for place in places if place + 1 not in places]


@lru_cache(maxsize=1)
def _table() -> _Table:
    data = json.loads(_FILE.read_text("utf-8"))
    kinds = dict.fromkeys(data["nouns"], "noun") | dict.fromkeys(data["adjectives"], "adjective")
    unusual: dict[str, dict[str, str]] = {}
    for word, otherwise in data["unusual"].items():
        for kind, texts in otherwise.items():
            for text in texts:
                unusual.setdefault(text, {})[word] = kind
    return _Table(kinds, frozenset(data["things"]), unusual, frozenset(data["others"]))
