"""Two detectors on the same images: how often the rule gives them the same verdict."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..errors import UserError, typed
from ..prompts import Key
from ..runs.opening import Run
from ..runs.progress import Progress
from ..scoring.judging import Judging
from ..statistics.agreement import Agreement
from .report import Report
from .tables import UNDEFINED, Table

ALL = "all"


def agreement(
    run: Run, detectors: tuple[str, str], judging: Judging, progress: Progress
) -> dict[str, Agreement]:
    """Agreement of two detectors' verdicts by task of the prompt, and under ``all``.

    Args:
        run: with detections by both.
        detectors: their signatures.
        judging: applied to both.
        progress: where damaged lines are mentioned.

    Raises:
        UserError: images that only one of them has looked at, or none at all.
    """
    judging = judging.of_run(run.path, run.expected.prompts)
    first, second = (_verdicts(run, name, judging, progress) for name in detectors)
    alone = first.keys() ^ second.keys()
    if alone or not first:
        raise UserError(
            f"{len(alone)} of {len(first.keys() | second.keys())} images of {run.path} were looked "
            f"at by only one of {' and '.join(detectors)}; finish both with "
            f"'{typed('detect', run.path, '--detector', 'NAME')}'."
        )
    keys = sorted(first)
    tasks = np.array([run.expected.by_id[prompt_id].task for prompt_id, _ in keys], dtype=object)
    a = np.array([first[key] for key in keys], dtype=bool)
    b = np.array([second[key] for key in keys], dtype=bool)
    result = {ALL: Agreement.of(a, b)}
    for task in sorted(set(tasks.tolist())):
        here = tasks == task
        result[task] = Agreement.of(a[here], b[here])
    return result


def agreement_report(
    found: Mapping[str, Agreement], detectors: tuple[str, str], judging: Judging
) -> Report:
    """One row per task, the whole first; rates in percent."""
    columns = ("task", "images", "agree", "kappa", "both right", "only A", "only B", "both wrong")
    rows = [
        [
            task,
            str(one.count),
            UNDEFINED if np.isnan(one.rate) else f"{100 * one.rate:.1f}",
            UNDEFINED if np.isnan(one.kappa) else f"{one.kappa:.3f}",
            *(str(n) for n in (one.both, one.only_first, one.only_second, one.neither)),
        ]
        for task, one in found.items()
    ]
    notes = (f"A: {detectors[0]}", f"B: {detectors[1]}", f"{judging.name} at {judging.threshold:g}")
    document = {
        "detectors": detectors,
        "rule": judging.name,
        "threshold": judging.threshold,
        "tasks": {
            task: {
                "images": one.count,
                "agree": 100 * one.rate,
                "kappa": one.kappa,
                "both": one.both,
                "only_first": one.only_first,
                "only_second": one.only_second,
                "neither": one.neither,
            }
            for task, one in found.items()
        },
    }
    return Report([Table(columns, rows, "Agreement of two detectors' verdicts", notes)], document)


def _verdicts(run: Run, detector: str, judging: Judging, progress: Progress) -> dict[Key, bool]:
    by_id = run.expected.by_id
    wanted = set(run.expected.keys())
    verdicts = {}
    for record in run.directory.seen(detector, progress.notice):
        key = record.key
        if key in wanted:
            verdicts[key] = bool(judging.verdict(by_id[key[0]], record).correct)
    return verdicts
