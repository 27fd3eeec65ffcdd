"""Tables of image quality: one run, and the columns of a leaderboard."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..files.shown_text import counted
from ..scoring.price import DUPLICATES
from ..scoring.summary import Summary
from ..stages.quality.measure import CMMD, FID, KID, KID_SPREAD, SIMILARITY, Quality, stored
from .cells import plain_cell
from .report import Report
from .tables import UNDEFINED, Table

QUALITY_COLUMNS = (FID, KID, CMMD, SIMILARITY, DUPLICATES)

_MEANING = (
    "FID, KID (times 1,000) and CMMD: smaller is better; they compare with numbers of the same "
    "reference, count of images, resolution and preparation only. similarity: mean cosine of image "
    "and prompt. duplicates: boxes of asked objects beyond the first of each, per image"
)


def quality_report(quality: Quality) -> Report:
    """What was measured of one run."""
    spread = quality.metrics.get(KID_SPREAD)
    rows = []
    for key, value in quality.metrics.items():
        if key != KID_SPREAD:
            said = f"standard deviation over subsets {spread:.2f}" if key == KID else ""
            rows.append([key, _cell(key, value), said])
    rows += [[key, UNDEFINED, why] for key, why in quality.reasons.items()]
    notes = [_of(quality), _MEANING]
    if quality.images < quality.images_expected:
        notes.insert(0, f"PARTIAL: {quality.images:,} of {quality.images_expected:,} images")
    table = Table(("metric", "value", "note"), rows, "Image quality", notes)
    return Report([table], quality.model_dump())


def quality_of(run: Path) -> Sequence[Quality]:
    """All that was measured of a run; see ``measure.stored``."""
    return stored(run)


def quality_cells(result: Summary, known: Sequence[Quality], notes: dict[str, str]) -> list[str]:
    """One cell per column of ``QUALITY_COLUMNS``; of several references the last by name.

    Args:
        notes: by what a row was compared with its letter; filled here.
    """
    found = known[-1] if known else None
    cells = []
    for key in QUALITY_COLUMNS[:-1]:
        value = None if found is None else found.metrics.get(key)
        cells.append(_cell(key, value))
    if found is not None:
        letter = notes.setdefault(_of(found), f"q{len(notes) + 1}")
        cells = [f"{cell} [{letter}]" if cell != UNDEFINED else cell for cell in cells]
    return [*cells, plain_cell(result.price.get(DUPLICATES))]


def quality_values(result: Summary, known: Sequence[Quality]) -> list[float | None]:
    """The same as numbers; None for what is not known."""
    found = known[-1].metrics if known else {}
    return [*(found.get(key) for key in QUALITY_COLUMNS[:-1]), result.price.get(DUPLICATES)]


def quality_notes(notes: dict[str, str]) -> list[str]:
    """What the columns mean, and what each letter stands for."""
    return [_MEANING, *(f"[{letter}] {said}" for said, letter in notes.items())]


def _of(quality: Quality) -> str:
    count = quality.reference_images
    many = "an unknown number of" if count is None else f"{count:,}"
    judge = f"; similarity by {quality.judge}" if quality.judge else ""
    return (
        f"{counted(quality.images, 'image')} against {many} of {quality.reference} "
        f"({quality.reference_sha256[:7]}){judge}"
    )


def _cell(key: str, value: float | None) -> str:
    return f"{value:.4f}" if value is not None and key == SIMILARITY else plain_cell(value)
