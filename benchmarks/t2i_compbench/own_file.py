"""Prompts of a user's own file as one of the benchmark's categories: ``t2i-compbench:color:FILE``.

The file has one prompt per line, as the official files do. What the official scripts ask a tagger
for is read from the table beside it, see ``prompt_transforms.tagging``; no tagger is run. A run
keeps all of it, so that the files are needed once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spatialbench.errors import UserError
from spatialbench.files.documents import LARGE, json_lines, parse_json, read_limited
from spatialbench.files.shown_text import counted
from spatialbench.prompt_transforms.tagging import Tagged, read_table, table_of
from spatialbench.prompts import Prompt

from .attribute_rule import MOST_QUESTIONS, NOT_ASKED
from .complex_prompts import complex_prompt
from .judging import ATTRIBUTES, SPATIAL_PART, WHOLE
from .own_prompts import tagged_prompt
from .position import depth_word_of, locality_of
from .prompts import CATEGORIES
from .tagged import Token
from .three_in_one import Branch, branch_of, prompt_key, prompt_lines

STORED = "t2i_prompts.jsonl"
"""Where a run holds its prompts."""
_DIGITS = 12
_RELATIONS: Mapping[str, Callable[[str], str | None]] = {
    "2d": locality_of,
    "3d": depth_word_of,
    SPATIAL_PART: locality_of,
}
"""Categories of one relation, and which one a text asks for."""


@dataclass(frozen=True)
class OwnFile:
    """The prompts of a file.

    Attributes:
        category: which of the benchmark's categories they are.
        made_with: what tagged them; empty where nothing had to be.
        left_out: how many name no relation, where the category is about one.
        records: each prompt with what is known of it, as it is stored.
    """

    category: str
    made_with: str
    left_out: int
    records: Sequence[Mapping[str, Any]]

    @property
    def content(self) -> bytes:
        """The file that a run holds."""
        head = {"category": self.category, "made_with": self.made_with, "left_out": self.left_out}
        lines = (json.dumps(line, ensure_ascii=False) for line in (head, *self.records))
        return "".join(f"{line}\n" for line in lines).encode()

    @property
    def name(self) -> str:
        """Of the prompt set: the category and a hash, so that no two files share a table."""
        return f"{self.category}-{hashlib.sha256(self.content).hexdigest()[:_DIGITS]}"

    def prompts(self) -> tuple[Prompt, ...]:
        """The prompts, in the order of the file.

        Raises:
            UserError: one in which the official script finds no noun.
        """
        return tuple(_prompt(self.category, record) for record in self.records)

    @property
    def notes(self) -> list[str]:
        """What stands under a table of these prompts."""
        found = []
        if self.made_with:
            found.append(f"noun phrases and parts of speech of these prompts by {self.made_with}.")
        if self.left_out:
            count = self.left_out + len(self.records)
            found.append(
                f"{self.left_out:,} of {count:,} prompts of the file name no relation that "
                f"{self.category} prompts are about: left out."
            )
        return found


def read_own(category: str, path: Path) -> OwnFile:
    """The prompts of a file.

    Raises:
        UserError: it cannot be read, holds no prompt of the category, a tagger is needed and the
            table beside it is not there or misses a prompt, or a list of complex prompts is
            missing.
    """
    texts = _lines(path)
    kept = [text for text in texts if _is_of(category, text)]
    if not kept:
        raise UserError(
            f"{path} holds no {category} prompt: expected one per line, such as those of "
            f"'spatialbench prompts --bench t2i-compbench:{category}'."
        )
    # A tagger knows which word of a name is its noun; the template takes the last one.
    tagged = category in _RELATIONS and table_of(path).exists()
    needed = [text for text in kept if tagged or _needs_tags(category, text)]
    table = read_table(path) if needed else None
    lists = _branches(path) if category == WHOLE else None
    records: list[dict[str, Any]] = []
    for line, text in enumerate(kept):
        record: dict[str, Any] = {"id": f"own_{line}", "prompt": text}
        if table is not None and text in needed:
            record |= table.of(text).record()
        if lists is not None:
            record["branch"] = branch_of(text, *lists).value
        records.append(record)
    made_with = "" if table is None else table.made_with
    return OwnFile(category, made_with, len(texts) - len(kept), records)


def stored(path: Path, run: Path) -> OwnFile:
    """What ``OwnFile.content`` wrote into a run.

    Raises:
        UserError: it cannot be read.
    """
    try:
        head, *records = map(parse_json, json_lines(read_limited(path, LARGE, run)))
        own = OwnFile(head["category"], head["made_with"], head["left_out"], records)
        own.prompts()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"the prompts of the run {run} cannot be read from {path} ({error!r}): restore the "
            "file, or give the command that made the run again with another --out."
        ) from error
    return own


def _lines(path: Path) -> list[str]:
    try:
        text = read_limited(path, LARGE).decode("utf-8")
    except (OSError, ValueError) as error:
        raise UserError(
            f"the prompts {path} cannot be read ({error}): give --bench "
            "t2i-compbench:CATEGORY:FILE, with one prompt per line."
        ) from error
    found = [line for line in text.splitlines() if line.strip()]
    twice = next((line for line in found if found.count(line) > 1), None)
    if twice is not None:
        raise UserError(f"{path} has the prompt {twice!r} more than once: leave it there once.")
    return found


def _is_of(category: str, text: str) -> bool:
    """Whether a prompt asks for what the category is about."""
    relation = _RELATIONS.get(category)
    return relation is None or relation(text) is not None


def _needs_tags(category: str, text: str) -> bool:
    """Whether the official script's tagger decides anything that the text alone does not."""
    if category in (*ATTRIBUTES, WHOLE):
        return True
    return category in _RELATIONS and CATEGORIES[category].read("own_0", text) is None


def _branches(path: Path) -> tuple[frozenset[str], frozenset[str]]:
    """The keys of the spatial prompts and of those with an action, from the files beside."""
    found = []
    for kind in (Branch.SPATIAL, Branch.ACTION):
        beside = path.with_name(f"{path.stem}_{kind.value}{path.suffix}")
        if not beside.is_file():
            raise UserError(
                f"{path} has no {beside.name} beside it: complex prompts come with two lists, of "
                "those that are about a relation and of those that are about an action."
            )
        text = read_limited(beside, LARGE).decode("utf-8", "replace")
        found.append(frozenset(map(prompt_key, prompt_lines(text))))
    return found[0], found[1]


def questions_of(tagged: Tagged) -> tuple[str, ...]:
    """What is asked about the images of a prompt: its noun phrases, as the script takes them."""
    asked: Iterable[str] = (one for one in tagged.phrases if one not in NOT_ASKED)
    return tuple(f"{one}?" for one in asked)[:MOST_QUESTIONS]


def _prompt(category: str, record: Mapping[str, Any]) -> Prompt:
    prompt_id, text = str(record["id"]), str(record["prompt"])
    if "tokens" not in record:
        found = CATEGORIES[category].read(prompt_id, text)
        if found is None:
            raise ValueError(f"{text!r} is no {category} prompt")
        return found
    tagged = Tagged.of(record)
    tokens = [Token(word, pos) for word, pos in tagged.tokens]
    if category == WHOLE:
        return complex_prompt(
            prompt_id, text, Branch(record["branch"]), questions_of(tagged), tokens
        )
    if category in ATTRIBUTES:
        questions = questions_of(tagged)
        return Prompt(
            id=prompt_id,
            text=text,
            task=counted(len(questions), "noun phrase"),
            facts={"category": category, "questions": questions},
        )
    return tagged_prompt(prompt_id, text, tokens, category)
