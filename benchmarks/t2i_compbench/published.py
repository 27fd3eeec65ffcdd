"""Published T2I-CompBench results, from ``published.json`` beside this module."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter

from spatialbench.plugins import Published


class PublishedRow(BaseModel):
    """One row of the data file. Metrics are in percent; a missing key was not given."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: str
    base: str
    metrics: dict[str, float]
    source: str
    evidence: Literal["P", "S", "C", "D"]
    note: str


@cache
def published() -> tuple[Published, ...]:
    """All rows, in the order of the file."""
    text = files(__package__).joinpath("published.json").read_text(encoding="utf-8")
    rows = TypeAdapter(list[PublishedRow]).validate_json(text)
    return tuple(Published(**row.model_dump()) for row in rows)
