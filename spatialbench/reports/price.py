"""The price of a result: detector confidence, duplicates per image, seconds per image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..runs.timing import Pace
from ..scoring.price import CONFIDENCE, DUPLICATES
from .tables import UNDEFINED

if TYPE_CHECKING:
    from ..scoring.summary import Summary

PRICE_COLUMNS = (CONFIDENCE, DUPLICATES, "s/image")

_MEANING = (
    "confidence: mean best score in percent of the asked objects that were found; duplicates: "
    "boxes of asked objects beyond the first of each, per image; s/image: median seconds of "
    "generation, loading excluded"
)


def price_values(result: Summary, pace: Pace | None) -> list[float]:
    """One number per column of ``PRICE_COLUMNS``; NaN for what is not known."""
    known = [result.price.get(key) for key in (CONFIDENCE, DUPLICATES)]
    known.append(None if pace is None else pace.seconds)
    return [math.nan if value is None else value for value in known]


def price_cells(result: Summary, pace: Pace | None) -> list[str]:
    """One cell per column of ``PRICE_COLUMNS``; a dash for what is not known."""
    from .cells import plain_cell

    confidence, duplicates, _ = price_values(result, pace)
    seconds = UNDEFINED if pace is None else seconds_text(pace.seconds)
    return [plain_cell(confidence), plain_cell(duplicates), seconds]


def price_notes(rows: Sequence[tuple[str, Pace | None]]) -> list[str]:
    """What the columns mean, and where the seconds of each labelled row were measured."""
    places: dict[str, dict[str, None]] = {}
    for label, pace in rows:
        if pace is not None:
            places.setdefault(pace.where, {})[label] = None
    paid = [
        f"{label}: " + ", ".join(f"{value:.4g} {name}" for name, value in pace.costs.items())
        for label, pace in rows
        if pace is not None and pace.costs
    ]
    spent = [f"per image, {'; '.join(paid)}"] if paid else []
    if len(places) == 1:
        return [f"{_MEANING} ({next(iter(places))})", *spent]
    where = (f"s/image on {place}: {', '.join(labels)}" for place, labels in places.items())
    return [_MEANING, *where, *spent]


def price_note(result: Summary, pace: Pace | None) -> list[str]:
    """One line below the table of one run, or none where nothing is known."""
    confidence, duplicates, _ = price_values(result, pace)
    parts = []
    if not math.isnan(confidence):
        parts.append(f"detector confidence {confidence:.2f} %")
    if not math.isnan(duplicates):
        parts.append(f"{duplicates:.2f} duplicates per image")
    if pace is not None:
        parts.append(f"{seconds_text(pace.seconds)} s per image ({pace.where})")
        parts += [f"{value:.4g} {name} per image" for name, value in pace.costs.items()]
    return [f"price: {', '.join(parts)}"] if parts else []


def price_fields(pace: Pace | None) -> dict[str, Any]:
    """What a JSON row gets besides its summary; nothing where nothing was timed."""
    if pace is None:
        return {}
    return {
        "seconds_per_image": pace.seconds,
        "device": pace.device,
        "batch_size": pace.batch_size,
        **({"costs_per_image": dict(pace.costs)} if pace.costs else {}),
    }


def seconds_text(seconds: float) -> str:
    """Three digits, as ``0.0123`` or ``12.3``; whole seconds from a hundred on."""
    return f"{seconds:.3g}" if seconds < 99.95 else f"{seconds:.0f}"
