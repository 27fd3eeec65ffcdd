"""What a result cost in the images: how sure the detector is, and how many objects are doubled.

A method can buy accuracy with vague objects or with several copies of one. Both are read from the
facts of the verdicts, by the names that ``plugins.Verdict`` gives.
"""

from __future__ import annotations

from math import nan

from ..plugins import ScoreTable

CONFIDENCE = "confidence"
DUPLICATES = "duplicates"


def price(table: ScoreTable) -> dict[str, float]:
    """The keys that the facts of a table allow; a key they do not allow is absent.

    Returns:
        ``confidence``: mean of ``conf_x`` in percent over all images and objects x that were
        found (``n_x`` above 0, else ``found_x``), NaN where none was. ``duplicates``: boxes above
        the threshold beyond what is asked for, as a mean over images: the fact ``duplicates``, else
        those beyond the first of each object.
    """
    import numpy as np

    columns = table.columns
    images = len(table.prompt_row)
    counts = {
        name.removeprefix("n_"): np.asarray(column, dtype=np.float64)
        for name, column in columns.items()
        if name.startswith("n_")
    }
    found = {
        name.removeprefix("found_"): np.asarray(column, dtype=bool)
        for name, column in columns.items()
        if name.startswith("found_")
    } | {name: count > 0 for name, count in counts.items()}
    sure = [
        np.asarray(columns[f"conf_{name}"], dtype=np.float64)[there]
        for name, there in found.items()
        if f"conf_{name}" in columns
    ]
    priced: dict[str, float] = {}
    if sure:
        scores = np.concatenate(sure)
        priced[CONFIDENCE] = 100 * float(scores.mean()) if len(scores) else nan
    if DUPLICATES in columns:
        beyond = float(np.asarray(columns[DUPLICATES], dtype=np.float64).sum())
        priced[DUPLICATES] = beyond / images if images else nan
    elif counts:
        beyond = sum(float(np.maximum(count - 1, 0).sum()) for count in counts.values())
        priced[DUPLICATES] = beyond / images if images else nan
    return priced
