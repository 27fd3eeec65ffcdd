"""GenEval's prompts as the harness has them, from the regenerated metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, ValidationError, field_validator

from spatialbench.errors import unknown_name
from spatialbench.files.documents import first_error
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
_Count = Annotated[int, Field(ge=0, le=1000, strict=True)]
Name = Annotated[str, Field(min_length=1)]


class Limit(BaseModel):
    """An object and a number of it."""

    name: Name = Field(alias="class")
    count: _Count


class _Wanted(Limit):
    """An object that must be there, perhaps of a colour, perhaps beside an earlier one."""

    color: Name | None = None
    position: tuple[Literal["left of", "right of", "above", "below"], _Count] | None = None


class _Record(BaseModel):
    """An official record, as far as it is judged; what else it holds is kept."""

    tag: Name
    prompt: str
    include: list[_Wanted] = Field(min_length=1)
    exclude: list[Limit] = []

    @field_validator("include")
    @classmethod
    def _earlier(cls, include: list[_Wanted]) -> list[_Wanted]:
        for place, wanted in enumerate(include):
            if wanted.position is not None and wanted.position[1] >= place:
                raise ValueError("a position refers to no earlier object")
        return include


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
    """A prompt from an official record: ``tag``, ``include``, ``exclude`` and ``prompt``.

    Raises:
        TypeError: a record of another form; the message names the field.
    """
    try:
        _Record.model_validate(record)
    except ValidationError as error:
        raise TypeError(first_error(error)) from error
    return prompt_from(prompt_id, record)


def prompt_from(prompt_id: str, record: Mapping[str, Any]) -> Prompt:
    """The prompt of a record that was checked; ``include`` may be missing."""
    include = record.get("include", [])
    names = [wanted["class"] for wanted in include]
    return Prompt(
        id=prompt_id,
        text=record["prompt"],
        task=record["tag"],
        triplet=_triplet(include),
        objects=tuple(dict.fromkeys(names[::-1] if record["tag"] == "position" else names)),
        facts={"metadata": record},
    )


def judged_metadata(record: Any) -> str | None:
    """What the official scorer reads of a record, as text: tag, include and exclude.

    Neither the prompt nor other keys decide a verdict, and 1.0 is the number 1. None for a record
    that cannot be judged.
    """
    try:
        read = _Record.model_validate(_in_whole_numbers(record))
    except ValidationError:
        return None
    kept = read.model_dump(by_alias=True, include={"tag", "include", "exclude"})
    return json.dumps(kept, sort_keys=True)


@cache
def _all() -> tuple[Prompt, ...]:
    return tuple(prompt_of(f"{line:05d}", entry) for line, entry in enumerate(metadata()))


def _triplet(include: list[Metadata]) -> Triplet | None:
    for place, wanted in enumerate(include):
        if wanted.get("position") is not None:
            phrase, target = wanted["position"]
            return Triplet(wanted["class"], PHRASES[phrase], include[:place][target]["class"])
    return None


def _in_whole_numbers(record: Any) -> Any:
    """The record with its counts as integers, as far as they are; no ``exclude`` where it is null.

    Some forks write and read their prompt files with libraries that make floats of numbers.
    """
    if not isinstance(record, Mapping):
        return record
    kept = {key: value for key, value in record.items() if key != "exclude" or value is not None}
    for key in ("include", "exclude"):
        if isinstance(kept.get(key), list):
            kept[key] = [_item(item) for item in kept[key]]
    return kept


def _item(item: Any) -> Any:
    if not isinstance(item, Mapping):
        return item
    changed = {key: _whole(value) for key, value in item.items()}
    position = changed.get("position")
    if isinstance(position, list):
        changed["position"] = [_whole(value) for value in position]
    return changed


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value
