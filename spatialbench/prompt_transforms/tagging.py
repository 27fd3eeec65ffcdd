"""What a tagger finds in prompts, once for all: parts of speech and noun phrases, kept in a file.

Rules that ask about the noun phrases of a prompt read them from such a table. It stands beside the
prompts, ``prompts.txt`` and ``prompts.tags.jsonl``; its first line says what made it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ..errors import UserError, typed
from ..files.documents import LARGE, json_lines, parse_json, read_limited

DEFAULT_MODEL = "en_core_web_sm"
"""What the official scripts of benchmarks use, as far as they tag."""


@dataclass(frozen=True, slots=True)
class Tagged:
    """A prompt as a tagger divides it.

    Attributes:
        tokens: word and universal part of speech, such as ``NOUN``.
        noun_phrases: beginning and end of each, in characters of the prompt.
    """

    prompt: str
    tokens: tuple[tuple[str, str], ...]
    noun_phrases: tuple[tuple[int, int], ...]

    @property
    def phrases(self) -> list[str]:
        """The noun phrases as texts."""
        return [self.prompt[start:end] for start, end in self.noun_phrases]

    def record(self) -> dict[str, Any]:
        """The line of the table."""
        tokens, phrases = map(list, self.tokens), map(list, self.noun_phrases)
        return {"prompt": self.prompt, "tokens": [*tokens], "noun_phrases": [*phrases]}

    @classmethod
    def of(cls, record: Any) -> Tagged:
        """From the line of a table.

        Raises:
            ValueError: another form.
        """
        try:
            prompt = str(record["prompt"])
            tokens = tuple((str(word), str(pos)) for word, pos in record["tokens"])
            phrases = tuple((int(start), int(end)) for start, end in record["noun_phrases"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"it has no {error}") from error
        if any(not 0 <= start < end <= len(prompt) for start, end in phrases):
            raise ValueError("a noun phrase lies outside of its prompt")
        return cls(prompt, tokens, phrases)


@dataclass(frozen=True, slots=True)
class Table:
    """The prompts of a table by their texts, and what made it."""

    path: Path
    made_with: str
    by_text: Mapping[str, Tagged]

    def of(self, prompt: str) -> Tagged:
        """What was found in a prompt.

        Raises:
            UserError: the table has no such prompt; it is named.
        """
        if prompt not in self.by_text:
            raise UserError(
                f"{self.path} says nothing of the prompt {prompt!r}: add it, or type "
                f"'{typed('tag', prompts_of(self.path))}' to write the table again."
            )
        return self.by_text[prompt]


def table_of(prompts: Path) -> Path:
    """Where the table of a file of prompts lies."""
    return prompts.with_name(f"{prompts.stem}.tags.jsonl")


def prompts_of(table: Path) -> Path:
    """The file of prompts that a table lies beside."""
    return table.with_name(f"{table.name.removesuffix('.tags.jsonl')}.txt")


def tag(prompts: Iterable[str], model: str = DEFAULT_MODEL) -> tuple[str, list[Tagged]]:
    """Run spaCy over prompts; returns what made the findings, and the findings.

    Raises:
        UserError: spaCy or its model is not installed; says what to type.
    """
    try:
        import spacy
    except ImportError as error:
        raise UserError(
            "tagging prompts needs spaCy, which is not installed: type "
            "\"pip install 'spatialbench[spacy]'\"."
        ) from error
    try:
        made: Any = spacy.load(model)
    except OSError as error:
        raise UserError(
            f"spaCy has no model {model!r} here: type 'python -m spacy download {DEFAULT_MODEL}', "
            "or give the name of one that is installed, or its folder, with --model."
        ) from error
    found = []
    for text, document in zip((texts := list(prompts)), made.pipe(texts), strict=True):
        tokens = tuple((token.text, token.pos_) for token in document)
        phrases = tuple((chunk.start_char, chunk.end_char) for chunk in document.noun_chunks)
        found.append(Tagged(text, tokens, phrases))
    meta = made.meta
    name = f"{meta['lang']}_{meta['name']} {meta['version']}"
    return f"spaCy {version('spacy')}, {name}", found


def table_text(made_with: str, found: Sequence[Tagged]) -> str:
    """The content of a table."""
    lines: list[Any] = [{"made_with": made_with}, *(one.record() for one in found)]
    return "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines)


def read_table(prompts: Path) -> Table:
    """The table beside a file of prompts.

    Raises:
        UserError: it is not there, or a line of it is none of a table.
    """
    path = table_of(prompts)
    number = 0
    try:
        lines = json_lines(read_limited(path, LARGE))
        made_with, found = "an unknown tagger", {}
        for number, line in enumerate(lines, 1):
            record = parse_json(line)
            if number == 1 and isinstance(record, dict) and "made_with" in record:
                made_with = str(record["made_with"])
                continue
            tagged = Tagged.of(record)
            found[tagged.prompt] = tagged
    except FileNotFoundError:
        raise UserError(
            f"{prompts} has no table of its noun phrases ({path.name} beside it): type "
            f"'{typed('tag', prompts)}' to make it."
        ) from None
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path}, line {number}, cannot be read ({error}): expected "
            '{"prompt": text, "tokens": [["dog", "NOUN"], ...], "noun_phrases": [[0, 5], ...]}.'
        ) from error
    return Table(path, made_with, found)
