"""The folder: images in shards, ``metadata.jsonl``, the card, what is missing, the numbers.

It is what the ``imagefolder`` builder of the library ``datasets`` reads, with one row per image.
The same run gives the same bytes, so that an export or an upload can be given again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ...plugins.layout import Plan
from ...prompts import Key
from ...reports.scored import ScoredRun, load_whole
from ...runs.opening import Run
from ...runs.progress import Progress
from ..write_images import export_planned
from .card import card
from .eval_results import eval_results
from .rows import Rows, lines

METADATA, MISSING, SUMMARY = "metadata.jsonl", "missing.jsonl", ".spatialbench"
HUB = "https://huggingface.co"

_PER_FOLDER = 1000
"""Images of one folder; the Hub takes at most ten times as many."""


def export_hub(
    run: Run,
    folder: Path,
    progress: Progress,
    repo: str | None = None,
    kept: Mapping[str, Any] = MappingProxyType({}),
) -> int:
    """Write the run as a data set folder; see ``write_images.export_planned``.

    Args:
        repo: ``ORG/NAME`` of the data set, where it is known: the card and the results link to it.
        kept: front matter of the card that its owner wrote.

    Returns:
        How many images were written.

    Raises:
        UserError: a run that is not scored, or whose verdicts are of another selection; a folder
            that is not empty, no finished image, no space.
    """
    scored = load_whole(run)
    result = scored.result
    if result.partial:
        progress.notice(
            f"PARTIAL: {result.images:,} of {result.images_expected:,} expected images are judged, "
            "which the card says; no .eval_results are written"
        )
    elif repo is None:
        progress.notice("no --repo ORG/NAME: the results in .eval_results link to no source")
    return export_planned(run, folder, lambda keys: plan(scored, keys, repo, kept), progress)


def plan(
    scored: ScoredRun,
    keys: Sequence[Key],
    repo: str | None = None,
    kept: Mapping[str, Any] = MappingProxyType({}),
) -> Plan:
    """Where the images go, and the contents of the files beside them.

    Args:
        keys: the finished images, in run order.
        repo: as for ``export_hub``, and so is ``kept``.
    """
    rows = Rows(scored)
    names = _names(scored, keys)
    made = set(keys)
    missing = list(rows.missing(made))
    records = ({"file_name": name, **rows.row(key)} for key, name in names.items())
    files = {
        METADATA: lines(records),
        "README.md": _encoded(card(scored, len(keys), missing, repo, kept)),
        summary_file(scored): scored.result.text().encode(),
        **eval_results(scored, repo, HUB),
    }
    if missing:
        files[MISSING] = lines(missing)
    return Plan(names, files)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")


def summary_file(scored: ScoredRun) -> str:
    """Where the summary of the run lies: its name says which run the folder is of.

    The Hub's client uploads by name, so that it is there before the first image.
    """
    return f"{SUMMARY}/{scored.run.manifest.id}.json"


def _names(scored: ScoredRun, keys: Collection[Key]) -> dict[Key, str]:
    """``images/00003/<prompt id>-<k>.png``: by the place among the expected images.

    A folder of more images of the same run keeps the names that were given.
    """
    places = {key: place for place, key in enumerate(scored.run.expected.keys())}
    return {key: f"images/{places[key] // _PER_FOLDER:05d}/{key[0]}-{key[1]}.png" for key in keys}
