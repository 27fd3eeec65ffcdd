"""The table of one run: all prompts, then each task of the benchmark."""

from __future__ import annotations

from collections.abc import Sequence

from ..runs.timing import Pace
from ..scoring.summary import Group, Summary
from .cells import INTERVAL_NOTE, Footnotes, images_cell
from .price import price_note
from .tables import Format, Table, render, render_csv


def result_text(
    result: Summary,
    headline: Sequence[str],
    form: Format,
    pace: Pace | None = None,
) -> str:
    """One run in any format; ``json`` is the document of ``summary.json``, whatever the pace.

    Metrics that the run does not have, such as those of another subset, get no column.
    """
    headline = [key for key in headline if key in result.metrics] or headline
    if form == "json":
        return result.text().removesuffix("\n")
    if form == "csv":
        return render_csv(
            ["group", "images", *_csv_columns(headline)],
            [_csv_row(name, group, headline) for name, group in _groups(result)],
        )
    return render(
        result_table(
            result,
            headline,
            pace,
            [*_effects(result, headline), *result.notes],
        ),
        form,
    )


def result_table(
    result: Summary,
    headline: Sequence[str],
    pace: Pace | None = None,
    notes: Sequence[str] = (),
) -> Table:
    """The run as a table; meaning of the interval, price, notes and signature below it."""
    rows = []
    footnotes = Footnotes()
    for name, group in _groups(result):
        images = images_cell(result) if group is result else f"{group.images:,}"
        cells = [footnotes.cell(group, key) for key in headline]
        rows.append([name, images, *cells])
    partial = ", PARTIAL" if result.partial else ""
    return Table(
        columns=["prompts", "images", *headline],
        rows=rows,
        title=f"{result.benchmark}: {result.method} on {result.backbone}{partial}",
        notes=[
            INTERVAL_NOTE,
            *footnotes.notes(),
            *price_note(result, pace),
            *notes,
            result.signature,
        ],
    )


def _effects(result: Summary, headline: Sequence[str]) -> list[str]:
    """One line with the design effects, where the summary has them."""
    effects = [(key, result.design_effects.get(key)) for key in headline]
    shown = [f"{key} {effect:.1f}" for key, effect in effects if effect is not None]
    if not shown:
        return []
    return [f"design effect (images that say as much as one independent one): {', '.join(shown)}"]


def _groups(result: Summary) -> list[tuple[str, Group]]:
    return [("all", result), *result.groups.items()]


def _csv_columns(headline: Sequence[str]) -> list[str]:
    return [name for key in headline for name in (key, f"{key}_low", f"{key}_high")]


def _csv_row(name: str, group: Group, headline: Sequence[str]) -> list[str]:
    row = [name, str(group.images)]
    for key in headline:
        value = group.metric(key)
        bounds = group.interval(key)
        row += ["" if v is None or v != v else repr(v) for v in (value, *bounds)]
    return row
