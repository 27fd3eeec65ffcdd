"""What a recipe file may hold: a table of a paper as rows, with what was published of each.

The JSON schema of the file is made from these types. Wherever one value stands, a row may have a
list: the row is then a sweep, one row per value, and lists multiply. ``seeds`` is the exception: a
list of seed schemes is one row, measured once per scheme.
"""

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
    field_validator,
    model_validator,
)

from ..reports.published import Mark

FORMAT = 1
MARGIN = 3.0
"""Percentage points within which a measured value counts as the published one, unless said."""

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
    return WithJsonSchema({"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]})


Texts = Annotated[tuple[str, ...], BeforeValidator(_listed), _one_or_more(_TEXT)]
Wholes = Annotated[tuple[PositiveInt, ...], BeforeValidator(_listed), _one_or_more(_WHOLE)]
Numbers = Annotated[tuple[FiniteFloat, ...], BeforeValidator(_listed), _one_or_more(_NUMBER)]


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

    value: FiniteFloat
    low: FiniteFloat | None = None
    high: FiniteFloat | None = None
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
        printed = str(fields.get("value", "")).strip()
        fields["decimals"] = len(printed.partition(".")[2]) if _PRINTED.fullmatch(printed) else 0
        if (half := fields.pop("plus_minus", None)) is not None:
            if {"low", "high"} & fields.keys():
                raise ValueError("give plus_minus, or low and high: not both")
            try:
                value, half = float(fields["value"]), float(half)
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
_PRINTED = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
_VALUE = {
    "anyOf": [
        _NUMBER,
        {"type": "string", "pattern": r"^-?\d+(\.\d+)?$"},
        {
            "type": "object",
            "properties": {
                "value": {"type": ["number", "string"]},
                "low": _NUMBER,
                "high": _NUMBER,
                "plus_minus": {"type": "number", "minimum": 0},
            },
            "required": ["value"],
            "additionalProperties": False,
        },
    ]
}
_VALUES = {"type": "object", "additionalProperties": _VALUE, "minProperties": 1}


class About(Closed):
    """What can be said of a published row.

    Attributes:
        source: where it was published; the recipe's own where it is left out.
        evidence: P (primary), S (secondary), C (checked) or D (derived).
        note: what is odd about it.
        marks: as in published figures: ``inconsistent`` for cells that contradict each other.
        unit: what its values are printed in.
        decimals: digits after the point as printed.
        differs: what differs from the paper's protocol, in sentences.
    """

    source: str | None = None
    evidence: Literal["P", "S", "C", "D"] | None = None
    note: str | None = None
    marks: tuple[Mark, ...] = ()
    unit: Literal["percent", "share"] | None = None
    decimals: int | None = Field(default=None, ge=0, le=9)
    differs: Annotated[tuple[str, ...], BeforeValidator(_listed), _one_or_more(_TEXT)] = ()


class At(About):
    """What was published of one point of a sweep."""

    at: dict[str, Scalar] = Field(default_factory=dict)
    values: Annotated[dict[str, Value], Field(min_length=1), WithJsonSchema(_VALUES)]


def _points(given: Any) -> Any:
    """Values by metric as what was published of the one point."""
    return [{"values": given}] if isinstance(given, dict) else given


class Settings(Closed):
    """How a row is made and judged: the options of ``run``, with ``_`` for ``-``.

    Attributes:
        set: parameters of the method, as ``--set``.
        only_file: a file of ids for ``only``, JSON or one per line, beside the recipe.
        seeds: as ``--seed-scheme``; several are several runs of one row.
        record: what is kept of how the images are made; changes none.
        cannot: why nobody can make the row; it is listed with the reason.
    """

    method: Texts | None = None
    backbone: Texts | None = None
    set: dict[str, Scalars] = Field(default_factory=dict)
    steps: Wholes | None = None
    guidance_scale: Numbers | None = None
    scheduler: Texts | None = None
    prompt_transform: Texts | None = None
    width: PositiveInt | None = None
    height: PositiveInt | None = None
    dtype: Literal["float32", "float16", "bfloat16"] | None = None
    only: Texts | None = None
    only_file: str | None = None
    limit: PositiveInt | None = None
    images_per_prompt: PositiveInt | None = None
    seeds: Texts | None = None
    detector: str | None = None
    judge: Texts | None = None
    depth: str | None = None
    rule: str | None = None
    threshold: FiniteFloat | None = Field(default=None, ge=0, le=1)
    known_names_only: bool | None = None
    synonyms: bool | None = None
    record: Texts | None = None
    cannot: str | None = Field(default=None, min_length=1)

    @property
    def given(self) -> dict[str, Any]:
        """What the file says, without ``set``."""
        return {key: getattr(self, key) for key in self.model_fields_set - {"set"}}


class Row(Settings, About):
    """A row of the table, or a sweep of rows."""

    name: str = Field(min_length=1, max_length=200)
    published: Annotated[
        tuple[At, ...],
        BeforeValidator(_points),
        WithJsonSchema({"anyOf": [_VALUES, {"type": "array", "items": {"title": "At"}}]}),
    ] = ()
    leave_out: tuple[dict[str, Scalar], ...] = ()
    with_backbone: dict[str, Settings] = Field(default_factory=dict)

    @field_validator("name")
    @classmethod
    def _named(cls, name: str) -> str:
        if name != name.strip() or not name.isprintable():
            raise ValueError("a name is printable text without spaces around it")
        return name


class Claim(Closed):
    """That a row is better than another one; no metric is the one the rows are ranked by."""

    row: str
    beats: Texts
    metric: Texts | None = None


class Recipe(Closed):
    """A table of a paper.

    Attributes:
        metrics: the columns, in their order; the published ones where it is left out.
        margin: percentage points within which a measured value agrees.
        with_backbone: what changes in every row when all are made with that backbone.
        ranked_by: the metric of claims that name none; the first of the columns.
    """

    format: Literal[1]
    title: str = Field(min_length=1)
    source: str = Field(min_length=1)
    benchmark: str = Field(min_length=1)
    evidence: Literal["P", "S", "C", "D"] = "P"
    about: str = ""
    metrics: tuple[str, ...] = ()
    unit: Literal["percent", "share"] | None = None
    decimals: int | None = Field(default=None, ge=0, le=9)
    margin: FiniteFloat = Field(default=MARGIN, gt=0, le=100)
    differs: Annotated[tuple[str, ...], BeforeValidator(_listed), _one_or_more(_TEXT)] = ()
    defaults: Settings = Settings()
    with_backbone: dict[str, Settings] = Field(default_factory=dict)
    rows: tuple[Row, ...]
    claims: tuple[Claim, ...] | None = None
    ranked_by: str | None = None

    @field_validator("rows")
    @classmethod
    def _some(cls, rows: tuple[Row, ...]) -> tuple[Row, ...]:
        if not rows:
            raise ValueError("a recipe of no row makes nothing: give it one")
        return rows


def schema() -> dict[str, Any]:
    """The JSON schema of a recipe file (draft 2020-12)."""
    made = Recipe.model_json_schema(mode="validation")
    # The types of what may be written in two ways are not followed from there.
    made["$defs"]["At"] = At.model_json_schema(mode="validation")
    published = made["$defs"]["Row"]["properties"]["published"]
    published["anyOf"][1]["items"] = {"$ref": "#/$defs/At"}
    return made
