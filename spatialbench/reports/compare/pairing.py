"""Which images of two runs belong together, and what keeps the pairs from being perfect."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...errors import UserError, typed
from ...files.shown_text import counted
from ...plugins import ScoreTable
from ...runs.conditions import Conditions
from ...runs.sent_prompts import is_rewritten, sent_texts
from ...runs.stored_texts import given_signature
from ...scoring.rules.catalogue import family_of
from ...scoring.verdicts import take_rows
from ..scored import ScoredRun, is_copy

Rows = npt.NDArray[np.int64]

_SELECTION = ("only", "prompts", "images per prompt")


@dataclass(frozen=True)
class Pairing:
    """The images that two runs share, by prompt and image index.

    Attributes:
        first: verdicts of the reference over the shared images.
        second: verdicts of the other run, row by row of the same images, prompts in one order.
        first_rows: the rows of the reference's own table.
        second_rows: the rows of the other run's own table.
        only_first: judged images that only the reference has.
        only_second: judged images that only the other run has.
        same_seeds: whether both images of a pair were made from one seed.
        notes: sentences on whatever a reader must know before believing a difference.
    """

    first: ScoreTable
    second: ScoreTable
    first_rows: Rows
    second_rows: Rows
    only_first: int
    only_second: int
    same_seeds: bool
    notes: tuple[str, ...]


def pair(first: ScoredRun, second: ScoredRun, *, any_rule: bool = False) -> Pairing:
    """Pair the images of two runs.

    Args:
        any_rule: pair also what two rules of other families judged.

    Raises:
        UserError: different benchmarks, a prompt id with another text, or no shared image.
    """
    _same_benchmark(first, second, any_rule)
    there = {key: row for row, key in enumerate(_keys(second.table))}
    pairs = [(row, there.get(key)) for row, key in enumerate(_keys(first.table))]
    a = np.array([row for row, other in pairs if other is not None], dtype=np.int64)
    b = np.array([other for _, other in pairs if other is not None], dtype=np.int64)
    if not len(a):
        raise UserError(
            f"{first.run.path} and {second.run.path} share no judged image, so nothing can be "
            "compared: run both with the same --limit and --only."
        )
    one, two = take_rows(first.table, a), take_rows(second.table, b)
    if [p.text for p in one.prompts] != [p.text for p in two.prompts]:
        raise UserError(
            f"{first.run.path} and {second.run.path} give one prompt id to two texts: they were "
            "made with different prompt sets; run both with the same version of the benchmark."
        )
    only = (len(first.table.index) - len(a), len(second.table.index) - len(b))
    seeds = [_seeds(run) for run in (first, second)]
    same_seeds = seeds[0] is not None and seeds[0] == seeds[1]
    conditions, selection = _conditions(first, second)
    notes = (*conditions, *_seed_note(seeds, same_seeds), *_gaps(only, len(a)), *selection)
    return Pairing(one, two, a, b, *only, same_seeds, notes)


def refuse_other_prompts(first: ScoredRun, second: ScoredRun) -> None:
    """Refuse two runs whose images were made from different texts.

    Raises:
        UserError: says what rewrote the prompts of each.
    """
    own, other = (Conditions.of(run.signature).rewriting for run in (first, second))
    if own != other and not _made_from_the_same(first, second):
        raise UserError(
            f"the images of {first.run.path} and {second.run.path} were made from different texts "
            f"(prompt rewriting {own} against {other}), so a difference is not of the methods "
            "alone: compare runs of the same texts, or give --allow-other-prompts."
        )


def _made_from_the_same(first: ScoredRun, second: ScoredRun) -> bool:
    """Whether the texts of all prompts that two runs have images of are known, and the same."""
    shared = {p.id for p in first.table.prompts} & {p.id for p in second.table.prompts}
    told = []
    for run in (first.run, second.run):
        if is_rewritten(run) and given_signature(run.generator) is None:
            return False
        sent = sent_texts(run)
        told.append({prompt_id: sent.get(prompt_id) for prompt_id in shared})
    return told[0] == told[1]


def _same_benchmark(first: ScoredRun, second: ScoredRun, any_rule: bool) -> None:
    names = [run.result.benchmark for run in (first, second)]
    if names[0] != names[1]:
        raise UserError(
            f"{first.run.path} is a run of {names[0]} and {second.run.path} one of {names[1]}: "
            "their numbers mean different things; compare runs of one benchmark."
        )
    rules = [run.result.rule for run in (first, second)]
    if not any_rule and family_of(rules[0]) != family_of(rules[1]):
        raise UserError(
            f"{first.run.path} was judged by {rules[0]} and {second.run.path} by {rules[1]}: their "
            "numbers mean different things; score both with one rule, as in "
            f"'{typed('score', second.run.path, '--rule', rules[0].partition('+')[0])}'."
        )


def _keys(table: ScoreTable) -> list[tuple[str, int]]:
    ids = [prompt.id for prompt in table.prompts]
    rows = zip(table.prompt_row.tolist(), table.index.tolist(), strict=True)
    return [(ids[row], index) for row, index in rows]


def _seeds(run: ScoredRun) -> str | None:
    """The seed scheme, or None where nobody recorded seeds (imported images)."""
    scheme = run.run.expected.seeds
    return str(scheme) if scheme.known else None


def _seed_note(seeds: list[str | None], same: bool) -> list[str]:
    if same:
        return []
    said = " and ".join(scheme or "not recorded" for scheme in seeds)
    return [
        f"seeds differ or are unknown ({said}): the runs are paired by prompt, not image by "
        "image, and McNemar's test is left out"
    ]


def _conditions(first: ScoredRun, second: ScoredRun) -> tuple[list[str], list[str]]:
    """What differs besides the method and the seeds: conditions, and the selection of images."""
    found, selection = [], []
    if is_copy(first, second):
        found.append("SAME RUN: both folders hold one run with the same verdicts")
    for one in Conditions.of(first.signature).differences(Conditions.of(second.signature)):
        said = f"{one.name} {one.own} against {one.other}"
        if one.name in _SELECTION:
            selection.append(f"OTHER SELECTION: {said}; only what both have is compared")
        elif one.name != "seeds":
            found.append(f"OTHER CONDITIONS: {said}; the difference is not of the methods alone")
    return found, selection


def _gaps(only: tuple[int, int], shared: int) -> list[str]:
    if not any(only):
        return []
    return [
        f"compared on the {counted(shared, 'image')} both runs have; {only[0]:,} are only in the "
        f"reference and {only[1]:,} only in the other run"
    ]
