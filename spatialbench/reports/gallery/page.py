"""The index page, from its template; whatever comes from a run is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import isnan
from typing import TYPE_CHECKING, Any

from ...files.shown_text import counted, inert
from ...plugins import Benchmark
from ..cells import INTERVAL_NOTE, direction_note, images_cell, metric_cell
from ..compare.comparison import ALL, Comparison
from ..compare.report import change_cell, comparison_report, p_cell
from ..marks import meanings
from ..single import summary_report
from ..tables import Table
from .about import measured, settings
from .charts import Chart
from .records import Side

if TYPE_CHECKING:
    from jinja2 import Environment


@dataclass(frozen=True)
class Around:
    """The site that a gallery is a page of.

    Attributes:
        up: from the gallery's folder to the site's, as in ``../../``; there lie the style sheets.
        title: of the site.
        links: pages that go with this one, each with its words.
    """

    up: str
    title: str
    links: Sequence[tuple[str, str]] = ()


@lru_cache
def environment(*packages: str) -> Environment:
    """Templates of some packages' ``data``; whatever they are given is escaped."""
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=ChoiceLoader([PackageLoader(package, "data") for package in packages]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def index_html(
    sides: Sequence[Side],
    comparison: Comparison | None,
    charts: Sequence[Chart],
    forms: Sequence[str],
    images: int,
    around: Around | None = None,
) -> str:
    """The page that the filters, the charts and the images live on.

    Args:
        forms: in which the charts lie beside it, as files.
        images: how many it shows.
    """
    benchmark = sides[0].scored.benchmark
    runs = [
        {
            "letter": letter,
            "label": side.scored.label,
            "id": side.scored.run.manifest.id,
            "signature": side.scored.result.signature,
            "path": str(side.scored.run.path),
            "images": images_cell(side.scored.result),
            "partial": side.scored.result.partial,
            "lab": side.scored.result.is_lab,
            "gone": side.gone,
            "imageless": side.imageless,
        }
        for letter, side in zip("AB", sides, strict=False)
    ]
    pairs = next((chart.pairs for chart in charts if chart.pairs), None)
    page = (
        environment(__package__)
        .get_template("index.html")
        .render(
            benchmark=benchmark.name,
            summary=benchmark.summary,
            runs=runs,
            metrics=_metrics(benchmark, sides, comparison),
            notes=[*direction_note(sides[0].scored.metrics), *_marks(sides), *_notes(comparison)],
            charts=charts,
            bars=[chart for chart in charts if chart.name.startswith("bars-")],
            others=[chart for chart in charts if not chart.name.startswith("bars-")],
            forms=forms,
            cells=cells_of(pairs) if pairs else None,
            images=images,
            tables=_tables(sides, comparison),
            facts=measured([side.scored for side in sides]),
            settings=settings([side.scored for side in sides]),
            around=around,
        )
    )
    return inert(page)


def _marks(sides: Sequence[Side]) -> list[str]:
    """What the marks behind the names mean."""
    return list(dict.fromkeys(one for side in sides for one in meanings(side.scored.result)))


def _metrics(
    benchmark: Benchmark, sides: Sequence[Side], comparison: Comparison | None
) -> list[dict[str, Any]]:
    shown = []
    every = sides[0].scored.headline
    told = [k for k in every if any(not isnan(side.scored.result.metric(k)) for side in sides)]
    for key in told or every:
        cells = [metric_cell(side.scored.result, key) for side in sides]
        entry: dict[str, Any] = {"key": key, "cells": cells, "change": None}
        change = comparison.groups[ALL].get(key) if comparison else None
        if change is not None:
            entry["change"] = change_cell(change)
            entry["p"] = p_cell(change.p_holm)
        shown.append(entry)
    return shown


def _tables(sides: Sequence[Side], comparison: Comparison | None) -> Sequence[Table]:
    """The numbers by task; of two runs the differences, too."""
    if comparison is None:
        scored = sides[0].scored
        return summary_report(scored.result, scored.benchmark, None, scored.name).tables
    return comparison_report([comparison], 0).tables


def _notes(comparison: Comparison | None) -> list[str]:
    if comparison is None:
        return [INTERVAL_NOTE]
    return [
        *comparison.pairing.notes,
        f"{counted(comparison.gained, 'image')} became right from A to B, {comparison.lost:,} "
        "became wrong.",
        "B − A: paired difference over the images both have, with its 95 % interval; p from "
        "exchanging clusters of prompts.",
        INTERVAL_NOTE,
    ]


def cells_of(pairs: Any) -> dict[str, Any]:
    """The numbers under the pointer, small: by row, column to [share in %, images]."""
    rows: dict[int, dict[int, list[float]]] = {}
    for (row, column), value in pairs.share.items():
        rows.setdefault(row, {})[column] = [round(100 * value), pairs.images[row, column]]
    return {"objects": list(pairs.objects), "rows": rows}
