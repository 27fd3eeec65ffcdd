"""The 300 complex prompts: what is asked of their images, by tables of what a tagger finds.

The official scripts run spaCy. Its findings are facts of these prompts: noun phrases
(``noun_phrases.json``), and in ``complex_words.json`` the places of the adjectives and the two
words that stand around the relation, with spaCy 3.8.7 and en_core_web_sm 3.8.0.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from spatialbench.prompts import Prompt, Triplet
from spatialbench.relations import PHRASES

from . import sources
from .attribute_rule import questions_of
from .judging import WHOLE
from .position import locality_of
from .tagged import Token, as_person, nouns_around_relation
from .template import parse_complex
from .three_in_one import Branch, branch_of, prompt_key

_WORD = re.compile(r"'s|\w+|[^\w\s]")
"""Words as the tagger divides these prompts."""


def whole_prompt(prompt_id: str, text: str) -> Prompt:
    """A prompt of ``complex_val.txt``; see ``_prompt``.

    Raises:
        UserError: the two lists that tell the branch are not there.
    """
    number = int(prompt_id.rpartition("_")[2])
    branch = branch_of(text, *_lists())
    words = _facts()["words"].get(str(number))
    caption = without_words(text, _facts()["adjectives"][number])
    return _prompt(prompt_id, text, branch, questions_of(WHOLE, number, text), caption, words)


def complex_prompt(
    prompt_id: str,
    text: str,
    branch: Branch,
    questions: Sequence[str],
    tokens: Sequence[Token],
) -> Prompt:
    """Another complex prompt, by what a tagger found in it; see ``_prompt``."""
    caption = " ".join(token.text for token in tokens if token.pos != "ADJ")
    words = nouns_around_relation(tokens)
    return _prompt(prompt_id, text, branch, questions, caption, words)


def _prompt(
    prompt_id: str,
    text: str,
    branch: Branch,
    questions: Sequence[str],
    caption: str,
    words: Sequence[str] | None,
) -> Prompt:
    """``facts`` holds ``branch``, ``questions``, ``caption`` (what CLIP compares), ``words`` (the
    two words to look up, None where the official script has none) and ``locality``. Prompts of the
    sentence's template have a triplet too, for rules of relations."""
    sentence = parse_complex(text) if branch is Branch.SPATIAL else None
    return Prompt(
        id=prompt_id,
        text=text,
        task=BRANCHES[branch],
        triplet=sentence and Triplet(sentence.first, PHRASES[sentence.phrase], sentence.second),
        objects=(sentence.first, sentence.second) if sentence else tuple(words or ()),
        facts={
            "category": WHOLE,
            "branch": branch,
            "questions": tuple(questions),
            "caption": caption,
            "words": words and tuple(map(as_person, words)),
            "locality": locality_of(text),
        },
    )


BRANCHES = {
    Branch.SPATIAL: "attributes and relation",
    Branch.ACTION: "attributes and action",
    Branch.ALL: "attributes, relation and action",
}
"""What is joined in each branch."""


def without_words(text: str, places: Sequence[int]) -> str:
    """The words and marks of a text, joined by blanks, without those at some places."""
    return " ".join(w for place, w in enumerate(_WORD.findall(text)) if place not in set(places))


@cache
def _facts() -> dict[str, Any]:
    content = files(__package__).joinpath("complex_words.json").read_text("utf-8")
    found: dict[str, Any] = json.loads(content)
    return found


def _lists() -> tuple[frozenset[str], frozenset[str]]:
    """The keys of the spatial prompts, and of those with an action."""
    return _keys(sources.content(sources.COMPLEX)), _keys(sources.content(sources.COMPLEX_ACTION))


@cache
def _keys(content: bytes) -> frozenset[str]:
    return frozenset(map(prompt_key, content.decode("utf-8").splitlines()))
