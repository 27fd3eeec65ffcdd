"""The table of one run: all prompts, then each task of the benchmark."""

from __future__ import annotations

from collections.abc import Sequence

from ..plugins import Benchmark
from ..plugins.metric import headline
from ..runs.timing import Pace
from ..scoring.rules.catalogue import metrics_of
from ..scoring.summary import Summary
from .cells import INTERVAL_NOTE, Footnotes, direction_note, images_cell
from .marks import marked, meanings
from .price import price_note
from .report import Report
from .tables import Table


def summary_report(
    summary: Summary, benchmark: Benchmark, pace: Pace | None = None, called: str | None = None
) -> Report:
    """One run, then its tasks; below the table what it says of itself, and the signature.

    Metrics that the run does not have, such as those of another subset, get no column. ``json`` is
    the document of ``summary.json``, whatever the pace, with the name that its user gave it.
    """
    metrics = metrics_of(benchmark, summary.rule)
    known = headline(metrics)
    keys = [key for key in known if key in summary.metrics] or known
    groups = [("all", summary), *summary.groups.items()]
    footnotes = Footnotes()
    rows = []
    for name, group in groups:
        images = images_cell(summary) if group is summary else f"{group.images:,}"
        rows.append([name, images, *(footnotes.cell(group, key) for key in keys)])
    partial = ", PARTIAL" if summary.partial else ""
    title = f"{summary.benchmark}: {marked(summary, called)} on {summary.backbone}{partial}"
    smaller = direction_note(metric for metric in metrics if metric.key in keys)
    notes = [INTERVAL_NOTE, *smaller, *footnotes.notes(), *price_note(summary, pace)]
    notes += [*meanings(summary), *_effects(summary, keys), *summary.notes]
    columns = [name for key in keys for name in (key, f"{key}_low", f"{key}_high")]
    records = [
        [
            name,
            group.images,
            *(n for key in keys for n in (group.metric(key), *group.interval(key))),
        ]
        for name, group in groups
    ]
    return Report(
        [
            Table(
                ["prompts", "images", *keys],
                rows,
                title,
                notes,
                spare=range(len(keys) + 1, 2, -1),
                groups=frozenset(range(1, len(rows))),
                signatures=[summary.signature],
            )
        ],
        {**summary.document(), **({} if called is None else {"name": called})},
        (["group", "images", *columns], records),
    )


def _effects(result: Summary, headline: Sequence[str]) -> list[str]:
    """One line with the design effects, where the summary has them."""
    effects = [(key, result.design_effects.get(key)) for key in headline]
    shown = [f"{key} {effect:.1f}" for key, effect in effects if effect is not None]
    if not shown:
        return []
    return [f"design effect (images that say as much as one independent one): {', '.join(shown)}"]
