"""Metadata of a trainer's own prompts: what its reward rules read, and no more has to be there.

It is a line of GenEval's form that the official file need not have. Other than there ``include``
may be missing, and a position may count backwards, because the reward server that these rules come
from reads both. Refused is what its code fails at (no tag, no prompt, a count of 0, a position that
refers to no earlier object), and what no image could ever show: a colour that is none of the ten, a
relation that is none of the four.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, ValidationError, field_validator

from spatialbench.errors import UserError
from spatialbench.files.documents import first_error
from spatialbench.prompts import Prompt

from .names import COLOURS
from .prompts import Limit, Name, prompt_from

_MOST = 100
"""Entries of ``include`` and of ``exclude``; the official prompts have two at most."""

_Relation = Literal["left of", "right of", "above", "below"]

_FORM = "expected an object with tag, prompt and include [{class, count, ...}]"


class _Asked(Limit):
    """An object that must be there, perhaps of a colour, perhaps beside an earlier one."""

    count: Annotated[int, Field(ge=1, le=1000, strict=True)]
    color: str | None = None
    position: tuple[_Relation, Annotated[int, Field(strict=True)]] | None = None

    @field_validator("color")
    @classmethod
    def _known(cls, color: str | None) -> str | None:
        if color is not None and color not in COLOURS:
            raise ValueError(f"{color!r} is none of the colours {', '.join(COLOURS)}")
        return color


class _AskedRecord(BaseModel):
    """Metadata as they are judged; what else they hold is left out."""

    tag: Name
    prompt: str
    include: list[_Asked] = Field(default=[], max_length=_MOST)
    exclude: list[Limit] = Field(default=[], max_length=_MOST)

    @field_validator("include")
    @classmethod
    def _earlier(cls, include: list[_Asked]) -> list[_Asked]:
        for place, wanted in enumerate(include):
            if wanted.position is not None and not -place <= wanted.position[1] < place:
                raise ValueError("a position refers to no earlier object")
        return include


def prompt_of_asked(metadata: Mapping[str, Any]) -> Prompt:
    """The prompt that metadata describe; its id is made from tag, include and exclude.

    Raises:
        UserError: metadata of another form; the message names the field.
    """
    try:
        read = _AskedRecord.model_validate(dict(metadata))
    except ValidationError as error:
        raise UserError(
            f"the metadata are not GenEval's ({first_error(error)}): {_FORM}."
        ) from None
    record = read.model_dump(by_alias=True, exclude_none=True, exclude_unset=True)
    judged = {key: value for key, value in record.items() if key != "prompt"}
    digest = hashlib.sha256(json.dumps(judged, sort_keys=True).encode()).hexdigest()
    return prompt_from(f"metadata-{digest[:16]}", record)
