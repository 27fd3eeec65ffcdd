"""What a recipe file may hold: a table of a paper as rows, with what was published of each.

The JSON schema of the file is made from these types. Wherever one value stands, a row may have a
list: the row is then a sweep, one row per value, and lists multiply. ``seeds`` is the exception: a
list of seed schemes is one row, measured once per scheme.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StrictBool, WithJsonSchema, field_validator

from ..reports.published import Mark
from .values import (
    LONGEST_NAME,
    MAPPED_VALUES,
    NAMED,
    Closed,
    Digits,
    Numbers,
    One,
    Points,
    Scalar,
    Scalars,
    Share,
    Texts,
    Value,
    Whole,
    Wholes,
    no_name,
)

FORMAT = 1
MARGIN = 3.0
"""Percentage points within which a measured value counts as the published one, unless said."""


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
    decimals: Digits | None = None
    differs: Texts = ()


class At(About):
    """What was published of one point of a sweep."""

    at: dict[str, Scalar] = Field(default_factory=dict)
    values: Annotated[dict[str, Value], Field(min_length=1), WithJsonSchema(MAPPED_VALUES)]


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
    width: Whole | None = None
    height: Whole | None = None
    dtype: Literal["float32", "float16", "bfloat16"] | None = None
    only: Texts | None = None
    only_file: str | None = None
    limit: Whole | None = None
    images_per_prompt: Whole | None = None
    seeds: Texts | None = None
    detector: str | None = None
    judge: Texts | None = None
    depth: str | None = None
    rule: str | None = None
    threshold: Share | None = None
    known_names_only: StrictBool | None = None
    synonyms: StrictBool | None = None
    record: Texts | None = None
    cannot: str | None = Field(default=None, min_length=1)

    @property
    def given(self) -> dict[str, Any]:
        """What the file says, without ``set``."""
        return {key: getattr(self, key) for key in self.model_fields_set - {"set"}}


class Row(Settings, About):
    """A row of the table, or a sweep of rows."""

    name: str = Field(min_length=1, max_length=LONGEST_NAME, json_schema_extra={"pattern": NAMED})
    published: Annotated[
        tuple[At, ...],
        BeforeValidator(_points),
        WithJsonSchema({"anyOf": [MAPPED_VALUES, {"type": "array", "items": {"title": "At"}}]}),
    ] = ()
    leave_out: tuple[dict[str, Scalar], ...] = ()
    with_backbone: dict[str, Settings] = Field(default_factory=dict)

    @field_validator("name")
    @classmethod
    def _named(cls, name: str) -> str:
        if wrong := no_name(name):
            raise ValueError(wrong)
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

    format: One
    title: str = Field(min_length=1)
    source: str = Field(min_length=1)
    benchmark: str = Field(min_length=1)
    evidence: Literal["P", "S", "C", "D"] = "P"
    about: str = ""
    metrics: tuple[str, ...] = ()
    unit: Literal["percent", "share"] | None = None
    decimals: Digits | None = None
    margin: Points = MARGIN
    differs: Texts = ()
    defaults: Settings = Settings()
    with_backbone: dict[str, Settings] = Field(default_factory=dict)
    rows: tuple[Row, ...] = Field(json_schema_extra={"minItems": 1})
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
