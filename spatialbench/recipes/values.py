"""Values that a recipe file holds: numbers, one or several of a kind, names, published figures."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import isfinite
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FiniteFloat,
    PositiveInt,
    WithJsonSchema,
    model_validator,
)

Scalar = str | int | float | bool | None
_SCALAR = {"type": ["string", "number", "boolean", "null"]}
_TEXT, _WHOLE, _NUMBER = {"type": "string"}, {"type": "integer", "minimum": 1}, {"type": "number"}


def _listed(value: Any) -> Any:
    """One value as a list of one; a sweep over nothing is refused."""
    if isinstance(value, list):
        if not value:
            raise ValueError("an empty list is a sweep of nothing: give a value, or several")
        return value
    return value if value is None or isinstance(value, tuple) else [value]


def _one_or_more(one: Mapping[str, Any]) -> WithJsonSchema:
    """The schema of what ``_listed`` reads."""
    return WithJsonSchema({"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]})


def _counted(value: Any) -> Any:
    """What is read as a number: Python takes true for 1, and the text 1_0 for 10."""
    if isinstance(value, bool):
        raise ValueError("true and false are no numbers")
    if isinstance(value, str):
        raise ValueError("a number is expected, without quotes")
    return value


_Number = BeforeValidator(_counted)
One = Annotated[Literal[1], _Number]
Whole = Annotated[PositiveInt, _Number]
Real = Annotated[FiniteFloat, _Number]
Digits = Annotated[int, Field(ge=0, le=9), _Number]
Share = Annotated[FiniteFloat, Field(ge=0, le=1), _Number]
Points = Annotated[FiniteFloat, Field(gt=0, le=100), _Number]
Texts = Annotated[tuple[str, ...], BeforeValidator(_listed), _one_or_more(_TEXT)]
Wholes = Annotated[tuple[Whole, ...], BeforeValidator(_listed), _one_or_more(_WHOLE)]
Numbers = Annotated[tuple[Real, ...], BeforeValidator(_listed), _one_or_more(_NUMBER)]


def _scalar(value: Any) -> Any:
    if isinstance(value, dict | list | tuple):
        raise ValueError("a setting is a text, a number, true, false or a list of these")
    if isinstance(value, float) and not isfinite(value):
        raise ValueError("a setting must be a finite number")
    return value


Scalars = Annotated[
    tuple[Annotated[Scalar, BeforeValidator(_scalar)], ...],
    BeforeValidator(lambda value: _listed([None] if value is None else value)),
    _one_or_more(_SCALAR),
]


class Closed(BaseModel):
    """A key that is not known is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class Value(Closed):
    """A published number, in the unit that it is printed in.

    Attributes:
        value: as printed.
        low: lower end of the paper's own 95 % interval, where it gives one.
        high: upper end.
        decimals: digits after the point as printed, where the file keeps them.
    """

    value: Real
    low: Real | None = None
    high: Real | None = None
    decimals: int = Field(default=0, ge=0, exclude=True)

    @model_validator(mode="before")
    @classmethod
    def _read(cls, given: Any) -> Any:
        """A number, its text, or a mapping; ``plus_minus`` is half of a symmetric interval."""
        if isinstance(given, bool) or not isinstance(given, str | int | float | dict):
            raise ValueError("a published value is a number, or {value: ..., low: ..., high: ...}")
        fields = dict(given) if isinstance(given, dict) else {"value": given}
        if "decimals" in fields:
            raise ValueError("decimals stand in the row or the recipe, not in a value")
        printed = fields.get("value", "")
        digits = _PRINTED.fullmatch(str(printed))
        fields["decimals"] = len(str(printed).partition(".")[2]) if digits else 0
        if digits and isinstance(printed, str):
            fields["value"] = float(printed)
        if "plus_minus" in fields:
            half = fields.pop("plus_minus")
            if {"low", "high"} & fields.keys():
                raise ValueError("give plus_minus, or low and high: not both")
            try:
                value, half = float(_counted(fields["value"])), float(_counted(half))
            except (KeyError, TypeError, ValueError):
                raise ValueError("plus_minus stands beside a value, and is a number") from None
            fields |= {"low": value - half, "high": value + half}
        return fields

    @model_validator(mode="after")
    def _ordered(self) -> Value:
        if (self.low is None) != (self.high is None):
            raise ValueError("an interval has both ends: low and high")
        if (
            not (self.value if self.low is None else self.low)
            <= self.value
            <= (self.value if self.high is None else self.high)
        ):
            raise ValueError("the value must lie between low and high")
        return self


VALUE_KEYS = ("value", "low", "high", "plus_minus")
"""What a published value may hold in a file."""
_PRINTED = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_AS_PRINTED = {"type": "string", "pattern": f"^{_PRINTED.pattern}$"}
_VALUE = {
    "anyOf": [
        _NUMBER,
        _AS_PRINTED,
        {
            "type": "object",
            "properties": {
                "value": {"anyOf": [_NUMBER, _AS_PRINTED]},
                "low": _NUMBER,
                "high": _NUMBER,
                "plus_minus": {"type": "number", "minimum": 0},
            },
            "required": ["value"],
            "additionalProperties": False,
        },
    ]
}
MAPPED_VALUES = {"type": "object", "additionalProperties": _VALUE, "minProperties": 1}


LONGEST_NAME = 200
"""Characters of the name of a row."""


NAMED = r"^[^\s\u0000-\u001f\u007f]([^\u0000-\u001f\u007f]*[^\s\u0000-\u001f\u007f])?$"
"""What a schema can say of ``no_name``."""


def no_name(name: str) -> str | None:
    """Why a text cannot be the name of a row, or None."""
    if len(name) > LONGEST_NAME:
        return f"a name has at most {LONGEST_NAME} characters"
    if name != name.strip() or not name.isprintable():
        return "a name is printable text without spaces around it"
    return None
