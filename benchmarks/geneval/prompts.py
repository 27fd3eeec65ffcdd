"""GenEval's prompts as the harness has them, from the regenerated metadata."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from spatialbench.errors import unknown_name
from spatialbench.prompts import Prompt, Triplet
from spatialbench.relations import PHRASES

from .recipe import Metadata, metadata, metadata_text

SUBSETS: dict[str, str] = {
    "position": "the 100 prompts with left of, right of, above or below: the spatial score",
    "all": "all 553 prompts of the six tasks; the overall score is the mean of the tasks",
    "single_object": "the 80 prompts with one object",
    "two_object": "the 99 prompts with two objects",
    "counting": "the 80 prompts with two to four of an object",
    "colors": "the 94 prompts with an object and its colour",
    "color_attr": "the 100 prompts with two objects and their colours",
}
COLOURED_SUBSETS = frozenset(("all", "colors", "color_attr"))


def prompts(subset: str) -> tuple[Prompt, ...]:
    """The prompts of a subset in official order.

    ``Prompt.id`` is the official folder, ``00000`` to ``00552``; ``task`` is the tag, and
    ``facts["metadata"]`` the official record.

    Raises:
        UserError: a subset that does not exist.
    """
    if subset not in SUBSETS:
        raise unknown_name("GenEval prompt set", subset, SUBSETS)
    found = _all()
    return found if subset == "all" else tuple(p for p in found if p.task == subset)


def official_metadata(subset: str) -> bytes:
    """The subset as the official metadata file; ``all`` is that file byte for byte."""
    return metadata_text([dict(prompt.facts["metadata"]) for prompt in prompts(subset)])


def prompt_of(prompt_id: str, record: Mapping[str, Any]) -> Prompt:
    """A prompt from an official record: ``tag``, ``include``, ``exclude`` and ``prompt``."""
    include = record["include"]
    names = [wanted["class"] for wanted in include]
    return Prompt(
        id=prompt_id,
        text=record["prompt"],
        task=record["tag"],
        triplet=_triplet(include),
        objects=tuple(dict.fromkeys(names[::-1] if record["tag"] == "position" else names)),
        facts={"metadata": record},
    )


@cache
def _all() -> tuple[Prompt, ...]:
    return tuple(prompt_of(f"{line:05d}", entry) for line, entry in enumerate(metadata()))


def _triplet(include: list[Metadata]) -> Triplet | None:
    for wanted in include:
        if "position" in wanted:
            phrase, target = wanted["position"]
            return Triplet(wanted["class"], PHRASES[phrase], include[target]["class"])
    return None
