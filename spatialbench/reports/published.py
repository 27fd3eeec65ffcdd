"""Published results as data: rows of papers, checked where they enter, odd ones marked."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, TypeAdapter, ValidationError

from ..errors import UserError, unknown_name
from ..files.documents import first_error, read_limited
from ..plugins import Benchmark, Published
from ..plugins.metric import headline

INCONSISTENT = "inconsistent"
"""The mark of a row whose own cells contradict each other as printed."""

Mark = Literal["inconsistent", "layout-conditioned", "trained-on-the-metric"]

_WHOLE = 100
PRINTED = 0.005
"""Half a unit of the second decimal: what rounding can hide in a cell in percent."""


class PublishedRow(BaseModel):
    """One row of a data file. Metrics are as printed; a missing key was not given.

    ``evidence`` is P (primary), S (secondary), C (checked) or D (derived). ``unit`` says what the
    metrics are printed in; without it they are percent.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: str
    base: str
    metrics: dict[str, FiniteFloat] = Field(min_length=1)
    source: str = Field(min_length=1)
    evidence: Literal["P", "S", "C", "D"]
    note: str = ""
    marks: tuple[Mark, ...] = ()
    unit: Literal["percent", "share"] | None = None

    @property
    def percent(self) -> dict[str, float]:
        """The metrics in percent."""
        scale = 100 if self.unit == "share" else 1
        return {key: value * scale for key, value in self.metrics.items()}

    @property
    def name(self) -> str:
        """What an error calls it."""
        return f"{self.method} on {self.base}"


def packaged_rows(package: str | None) -> tuple[Published, ...]:
    """The rows of ``published.json`` beside a benchmark's modules, in the order of the file."""
    text = files(package or "").joinpath("published.json").read_text(encoding="utf-8")
    return _rows(text)


def read_figures(path: Path, benchmark: Benchmark) -> tuple[Published, ...]:
    """Rows of a file of the user's own, in the same form.

    Raises:
        UserError: no such file, a malformed row, a metric that the benchmark does not have, a value
            that is no percentage or may be a share, or a row that breaks an identity without
            saying so by the mark ``inconsistent``.
    """
    try:
        read = _ROWS.validate_json(read_limited(path).decode("utf-8"))
    except ValidationError as error:
        raise UserError(
            f"{path} is not a file of published figures ({first_error(error)}); expected a JSON "
            'list of {"method", "base", "metrics": {"OA": 62.03}, "source", "evidence": "P"}.'
        ) from error
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}): give a file of figures.") from error
    for row in read:
        check_row(row, str(path), known_metrics(benchmark))
    rows = _published(read)
    broken = contradictions(rows, benchmark)
    if broken:
        raise UserError(
            f"{path}: {'; '.join(broken)}; correct the cells, or give the row "
            f'"marks": ["{INCONSISTENT}"] if it is printed so.'
        )
    return rows


def contradictions(
    rows: Iterable[Published], benchmark: Benchmark, rounding: float = PRINTED
) -> list[str]:
    """A sentence for each identity that a row breaks without being marked for it.

    Args:
        rounding: the most by which rounding changed a cell, in percentage points.
    """
    return [
        f"{row.method} on {row.base}: {sentence}"
        for row in rows
        if INCONSISTENT not in row.marks
        for sentence in benchmark.violations(row.metrics, rounding, True)
    ]


def known_metrics(benchmark: Benchmark) -> set[str]:
    """The columns that a table of this benchmark can have, under any rule."""
    from ..scoring.rules.catalogue import families

    metrics = [*benchmark.metrics, *(metric for rule in families() for metric in rule.metrics)]
    return set(headline(metrics))


def check_row(row: PublishedRow, whose: str, known: set[str]) -> None:
    """Refuse a row whose cells cannot stand in a table of percentages.

    Args:
        whose: the file or place that it stands in, for errors.
        known: the keys of the metrics that it may have.

    Raises:
        UserError: an unknown metric, a value that is no percentage, or values that may be shares.
    """
    for key, value in row.percent.items():
        if key not in known:
            error = unknown_name("metric", key, known)
            raise UserError(f"{whose}, {row.name}: {error}")
        if not 0 <= value <= _WHOLE:
            raise UserError(
                f"{whose}, {row.name}: {key} is {row.metrics[key]:g}, and a "
                f"{row.unit or 'percent'} is from 0 to {1 if row.unit == 'share' else _WHOLE}: "
                "correct the cell."
            )
    if row.unit is None and 0 < max(row.metrics.values()) <= 1:
        cells = ", ".join(f"{key} {value:g}" for key, value in row.metrics.items())
        raise UserError(
            f"{whose}, {row.name}: no value is larger than 1 ({cells}). Are they shares of 1, or "
            'percent? Add "unit": "share" to the row, or "unit": "percent".'
        )


_ROWS = TypeAdapter(list[PublishedRow])


def _rows(text: str) -> tuple[Published, ...]:
    return _published(_ROWS.validate_json(text))


def _published(rows: Iterable[PublishedRow]) -> tuple[Published, ...]:
    return tuple(
        Published(row.method, row.base, row.percent, row.source, row.evidence, row.note, row.marks)
        for row in rows
    )
