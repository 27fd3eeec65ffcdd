"""Prompts that detections records bring along: other sentences under the same rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from spatialbench.errors import UserError
from spatialbench.prompts import Prompt

from .position import depth_word_of, locality_of
from .prompts import CATEGORIES, count_prompt
from .tagged import Token, first_and_last_noun, nouns_around_relation


class Brought(BaseModel):
    """The keys of a record that bring a prompt.

    ``tokens`` are [word, universal part of speech, ...] as a tagger gave them; without them the
    sentence must fit the category's template.
    """

    model_config = ConfigDict(extra="ignore")

    prompt_id: str
    prompt: str
    tokens: list[list[str]] | None = None


def brought_prompt(record: Mapping[str, Any], category: str) -> Prompt | None:
    """The prompt of a record with the key ``prompt``; None for a record without.

    Raises:
        UserError: malformed keys, a sentence outside the template, or one in which the official
            scorer finds no noun.
    """
    if "prompt" not in record:
        return None
    try:
        brought = Brought.model_validate(dict(record))
        tokens = [Token(word, pos) for word, pos, *_ in brought.tokens or ()]
    except (ValidationError, ValueError) as error:
        raise UserError(
            f"the prompt of a record is malformed ({str(error).splitlines()[0]}); expected "
            '"prompt": text and, if it was tagged, "tokens": [["dog", "NOUN"], ...].'
        ) from error
    if brought.tokens is not None:
        return tagged_prompt(brought.prompt_id, brought.prompt, tokens, category)
    prompt = CATEGORIES[category].read(brought.prompt_id, brought.prompt)
    if prompt is None:
        raise UserError(
            f"{brought.prompt!r} is outside the template of {category} prompts: bring its tokens "
            'with their parts of speech too, as "tokens": [["dog", "NOUN"], ...].'
        )
    return prompt


def tagged_prompt(prompt_id: str, text: str, tokens: list[Token], category: str) -> Prompt:
    """A prompt of relations or numbers, as the official scorers read its tokens.

    Raises:
        UserError: no noun, at which they stop.
    """
    if category == "numeracy":
        return count_prompt(prompt_id, text, [token.text for token in tokens])
    try:
        words = (
            nouns_around_relation(tokens) if category == "complex" else first_and_last_noun(tokens)
        )
    except IndexError as error:
        raise UserError(
            f"{text!r} has no noun among its tokens, so the official scorer stops at it with an "
            "IndexError: leave the prompt out, or tag its objects as NOUN."
        ) from error
    locality = depth_word_of(text) if category == "3d" else locality_of(text)
    return Prompt(
        id=prompt_id,
        text=text,
        task=locality or "no relation",
        objects=words or (),
        facts={"category": category, "words": words, "locality": locality},
    )
