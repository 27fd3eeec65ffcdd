"""How a run was measured, and with which settings, in words: rows of a table for readers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ...files.shown_text import counted
from ...prompt_transforms import IDENTITY_KEY, NONE
from ...runs.machine import Machine
from ...runs.timing import read_pace
from ..cells import images_cell
from ..marks import meanings
from ..scored import ScoredRun

_NOT_SETTINGS = frozenset({"marks", "content", IDENTITY_KEY})


@dataclass(frozen=True, slots=True)
class Fact:
    """One row: what it is, and what it is in each run; "" where a run has none."""

    name: str
    values: Sequence[str]

    @property
    def differs(self) -> bool:
        """Whether the runs differ in it."""
        return len(set(self.values)) > 1


def measured(runs: Sequence[ScoredRun]) -> list[Fact]:
    """What decided the numbers, and what the images were made on."""
    return _side_by_side(_measured(run) for run in runs)


def settings(runs: Sequence[ScoredRun]) -> list[Fact]:
    """Every setting of the method that is in the signature."""
    return _side_by_side(
        {k: v or "(empty)" for k, v in run.signature.parameters.items() if k not in _NOT_SETTINGS}
        for run in runs
    )


def _side_by_side(columns: Iterable[dict[str, str]]) -> list[Fact]:
    """The rows that any run has; what no run has is left out."""
    held = list(columns)
    names = dict.fromkeys(name for column in held for name, value in column.items() if value)
    return [Fact(name, [column.get(name, "") for column in held]) for name in names]


def _measured(scored: ScoredRun) -> dict[str, str]:
    line, manifest, result = scored.signature, scored.run.manifest, scored.result
    benchmark, _, version = line.benchmark.partition("/")
    method, _, revision = (line.method or "unknown").partition("/")
    sent = line.parameters.get(IDENTITY_KEY, NONE)
    stands = f", in place of {line.stands_in_for}" if line.stands_in_for else ""
    machine = manifest.machines[-1] if manifest.machines else None
    return {
        "Method": f"{method}, version {revision or 'unknown'}",
        "Marks": " ".join(meanings(result)),
        "Model": line.base or "unknown",
        "Benchmark": f"{benchmark}, version {version}"
        + (f", prompts '{line.subset}'" if line.subset else ""),
        "Prompts": f"{line.prompts:,}, with {counted(line.images_per_prompt, 'image')} each"
        + (f"; only {', '.join(line.only)}" if line.only else ""),
        "Prompts sent": "" if sent == NONE else f"rewritten by {sent}",
        "Known names": line.names or "",
        "Images judged": images_cell(result),
        "Rule": line.rule.replace("/", ", version "),
        "Judged by": f"{line.detector}{stands}",
        "Threshold": f"{line.threshold:g}",
        "Seeds": line.seeds or "unknown",
        "Stopped at": line.until or "",
        "Notes": " ".join(result.notes),
        "Seconds per image": _pace(scored),
        "Made on": " · ".join(filter(None, (machine.processor, machine.device, machine.platform)))
        if machine
        else "",
        "Number format": f"{machine.dtype}, batch of {machine.batch_size}"
        if machine and machine.dtype and machine.batch_size
        else "",
        "Software": ", ".join(
            [f"spatialbench {line.software}", *(_packages(machine) if machine else ())]
        ),
        "Run": manifest.id,
        "Folder": str(scored.run.path),
        "To make it again": manifest.again or "",
    }


def _pace(scored: ScoredRun) -> str:
    pace = read_pace(scored.run.path)
    if pace is None or math.isnan(pace.seconds):
        return ""
    return f"{pace.seconds:.3g} on {pace.device}, {pace.batch_size} at a time"


def _packages(machine: Machine) -> list[str]:
    return [f"{name} {v}" for name, v in machine.packages.items() if name != "spatialbench"]
