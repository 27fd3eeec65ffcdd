"""A run held to the reference's verdicts on the same images, at one look or at several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...plugins import ScoreTable
from ...prompts import prompt_set_hash
from ...runs.selection import select
from ...scoring.verdicts import take_rows
from ...statistics.spending import LOOKS, look_sizes
from ..scored import ScoredRun
from .changes import ALL, Change, Name, Question
from .file import GateFile
from .verdicts import RIGHT, Verdicts, read_by


@dataclass(frozen=True, slots=True)
class PairedTest:
    """The answer of the test, at the look where it stopped or that was the last one so far.

    Attributes:
        first: the metric that is asked first.
        changes: by group and metric.
        images: images compared; ``gained`` of them became right and ``lost`` wrong.
        whole: images of the plan.
        look: number of the look; 0 before the first.
        plan: prompts at each look.
        decided: whether no further image is needed.
        alarms: false alarms that the metric asked first may raise, and all others together.
    """

    first: Name
    changes: Mapping[Name, Change]
    images: int
    gained: int
    lost: int
    whole: int
    look: int
    plan: Sequence[int]
    decided: bool
    alarms: tuple[float, float]


def paired_test(scored: ScoredRun, gate: GateFile, sequential: bool) -> PairedTest | str:
    """Hold a run to the verdicts in a gate file, or say why that cannot be.

    Raises:
        UserError: damaged verdicts.
    """
    found = _pair(scored, gate, sequential)
    if isinstance(found, str):
        return found
    verdicts, first, second, whole = found
    images = gate.measured.images_per_prompt
    plan = look_sizes(whole, LOOKS if sequential else 1)
    windows = {(ALL, key): window for key, window in gate.metrics.items()} | {
        (group, key): window for group, of in gate.groups.items() for key, window in of.items()
    }
    asked = Question(scored.metrics, windows, (ALL, verdicts.metric), gate.confidence)
    planned = whole * images
    made = PairedTest(asked.first, {}, 0, 0, 0, planned, 0, plan, False, asked.alarms)
    clusters = scored.benchmark.clusters(first.prompts)
    if whole == 0 or not len(first.prompts):
        return made
    answers = asked.answers((first, second), clusters, whole, len(plan))
    for number, (prompts, changes, enough) in enumerate(answers, 1):
        rows = prompts * images
        before, after = (t.columns[RIGHT][:rows].astype(bool) for t in (first, second))
        gained, lost = int((after & ~before).sum()), int((before & ~after).sum())
        made = PairedTest(
            *(asked.first, changes, rows, gained, lost, planned, number, plan),
            *(enough or number == len(plan), asked.alarms),
        )
        if made.decided:
            break
    return made


def _pair(
    scored: ScoredRun, gate: GateFile, sequential: bool
) -> tuple[Verdicts, ScoreTable, ScoreTable, int] | str:
    """The verdicts of both on the prompts that the run has whole, from the first one on.

    With them what the file holds, and the number of prompts of the plan; or why there are none.
    """
    if gate.verdicts is None:
        return "the gate file holds no verdicts of its run; one written anew has them"
    there, expected = gate.measured, scored.run.expected
    if there.rule != scored.signature.rule:
        return f"the run was judged by {scored.signature.rule}, and the gate's by {there.rule}"
    if not expected.seeds.known or str(expected.seeds) != there.seeds:
        return f"the seeds are {expected.seeds}, and those of the gate are {there.seeds}"
    if expected.images_per_prompt != there.images_per_prompt:
        return "the run has another number of images per prompt"
    chosen = replace(expected.selection, limit=there.prompts)
    prompts = select(expected.all_prompts, chosen, scored.benchmark.labels)
    if prompt_set_hash(prompts) != gate.verdicts.prompts_sha256:
        return "the run has other prompts than those of the verdicts in the gate file"
    if len(expected.prompts) != len(prompts) and not sequential:
        return f"the run is of {len(expected.prompts):,} prompts, the gate of {len(prompts):,}"
    if len(expected.prompts) > len(prompts):
        return (
            f"the run has {len(expected.prompts):,} prompts and the plan ends at {len(prompts):,}: "
            "more images than planned make no valid test"
        )
    images = there.images_per_prompt
    keys = {*gate.metrics, *(key for windows in gate.groups.values() for key in windows)}
    reference = gate.verdicts.table(prompts, images, read_by(scored, keys))
    rows = np.arange(scored.whole_prompts * images)
    own = take_rows(scored.table, rows)
    return gate.verdicts, take_rows(reference, rows), own, len(prompts)
