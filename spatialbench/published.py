"""Published results as data: rows of papers, checked where they enter, odd ones marked."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, TypeAdapter, ValidationError

from .documents import first_error, read_limited
from .errors import UserError
from .plugins import BenchmarkPlugin, Published

INCONSISTENT = "inconsistent"
"""The mark of a row whose own cells contradict each other as printed."""

Mark = Literal["inconsistent", "layout-conditioned", "trained-on-the-metric"]

_PRINTED = 0.005
"""Half a unit of the second decimal: what rounding can hide in a cell in percent."""


class PublishedRow(BaseModel):
    """One row of a data file. Metrics are in percent, as printed; a missing key was not given.

    ``evidence`` is P (primary), S (secondary), C (checked) or D (derived).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: str
    base: str
    metrics: dict[str, FiniteFloat] = Field(min_length=1)
    source: str = Field(min_length=1)
    evidence: Literal["P", "S", "C", "D"]
    note: str = ""
    marks: tuple[Mark, ...] = ()


def packaged_rows(package: str | None) -> tuple[Published, ...]:
    """The rows of ``published.json`` beside a benchmark's modules, in the order of the file."""
    text = files(package or "").joinpath("published.json").read_text(encoding="utf-8")
    return _rows(text)


def read_figures(path: Path, benchmark: BenchmarkPlugin) -> tuple[Published, ...]:
    """Rows of a file of the user's own, in the same form.

    Raises:
        UserError: no such file, a malformed row, a metric that the benchmark does not have, or a
            row that breaks an identity without saying so by the mark ``inconsistent``.
    """
    try:
        rows = _rows(read_limited(path).decode("utf-8"))
    except ValidationError as error:
        raise UserError(
            f"{path} is no file of published figures ({first_error(error)}); expected a JSON "
            'list of {"method", "base", "metrics": {"OA": 62.03}, "source", "evidence": "P"}.'
        ) from error
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}): give a file of figures.") from error
    broken = contradictions(rows, benchmark)
    if broken:
        raise UserError(
            f"{path}: {'; '.join(broken)}; correct the cells, or give the row "
            f'"marks": ["{INCONSISTENT}"] if it is printed so.'
        )
    return rows


def contradictions(rows: Iterable[Published], benchmark: BenchmarkPlugin) -> list[str]:
    """A sentence for each identity that a row breaks without being marked for it.

    A benchmark offers its identities by an optional ``violations(metrics, rounding, whole)``.
    """
    check = getattr(benchmark, "violations", None)
    if check is None:
        return []
    return [
        f"{row.method} on {row.base}: {sentence}"
        for row in rows
        if INCONSISTENT not in row.marks
        for sentence in check(row.metrics, _PRINTED, True)
    ]


def _rows(text: str) -> tuple[Published, ...]:
    rows = TypeAdapter(list[PublishedRow]).validate_json(text)
    return tuple(Published(**row.model_dump()) for row in rows)
