"""Prompts that ask for several relations: which of them are guided, and what runs say of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..plugins import Json, Parameter
from ..prompts import Prompt, asked_triplets

ALL, FIRST = "all", "first"
RELATIONS = (ALL, FIRST)

PARAMETER = Parameter(
    ALL,
    "which relations of a prompt that asks for several are guided: all (the mean of their losses) "
    "or first",
    before=FIRST,
)


def guided(prompts: Sequence[Prompt], relations: str) -> list[Prompt]:
    """The prompts as they are guided: their texts, and all that they ask for or the first alone."""
    if relations == ALL:
        return list(prompts)
    return [_first_alone(prompt) if _asks_several(prompt) else prompt for prompt in prompts]


def identity_for(identity: Json, prompts: Sequence[Prompt], relations: str) -> Json:
    """A method's identity for these prompts.

    Where none asks for several relations there is nothing to say, and guiding the first alone is
    what there was before: both keep the identity that they have.
    """
    if relations == FIRST or not any(map(_asks_several, prompts)):
        return identity
    return {**identity, "parameters": {**identity["parameters"], "relations": relations}}


def about(method: str, prompts: Sequence[Prompt], relations: str) -> list[str]:
    """A sentence with the number of prompts of which a part is not guided, if there are any."""
    several = sum(map(_asks_several, prompts))
    if relations != FIRST or not several:
        return []
    return [
        f"{method}: {several:,} of {len(prompts):,} prompts ask for several relations, of which "
        "the first alone is guided"
    ]


def _asks_several(prompt: Prompt) -> bool:
    return len(asked_triplets(prompt)) > 1


def _first_alone(prompt: Prompt) -> Prompt:
    facts = {key: value for key, value in prompt.facts.items() if key != "triplets"}
    return replace(prompt, facts=facts)
