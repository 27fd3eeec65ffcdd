"""Scored runs without images: a rule in one line decides which are right."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spatialbench.plugins import Verdict
from spatialbench.prompts import Prompt
from spatialbench.reports.scored import ScoredRun, load_scored
from spatialbench.runs import signature as signatures
from spatialbench.runs.files import write_atomic
from spatialbench.runs.machine import this_machine
from spatialbench.runs.opening import RunSpec
from spatialbench.runs.seeds import SeedScheme
from spatialbench.runs.selection import Selection
from spatialbench.runs.signature import Signature
from spatialbench.scoring.scores_file import write_scores
from spatialbench.scoring.summarise import Heading, summarise
from spatialbench.scoring.verdicts import build_table
from tests.opened_runs import open_run

from ..stages.fakes import Painter, Shapes

Right = Callable[[Prompt, int], bool]


@dataclass
class Named(Painter):
    """The fake painter under another method's name."""

    method: str = "painter"

    def identity(self) -> dict[str, Any]:
        return {**super().identity(), "method": self.method}


def scored_run(
    folder: Path,
    right: Right,
    *,
    benchmark: Shapes | None = None,
    method: str = "painter",
    seeds: str = "protocol",
    missing: Collection[tuple[str, int]] = (),
    detector: str = "finder@w1",
    limit: int | None = None,
) -> ScoredRun:
    """A run in ``folder`` whose verdicts are ``right(prompt, index)``."""
    shapes = benchmark or Shapes(count=60)
    spec = RunSpec(shapes, "all", Named(method=method), SeedScheme.parse(seeds))
    run = open_run(spec, Selection(limit=limit), this_machine(), folder)
    expected = run.expected
    rows = [
        (row, index, _verdict(right(prompt, index), prompt, index))
        for row, prompt in enumerate(expected.prompts)
        for index in range(expected.images_per_prompt)
        if (prompt.id, index) not in missing
    ]
    table, reasons = build_table(expected.prompts, rows)
    line = Signature(
        benchmark=f"{shapes.name}/{shapes.version}",
        rule="first-box/1",
        detector=detector,
        threshold=0.1,
        prompts=len(expected.prompts),
        images_per_prompt=expected.images_per_prompt,
        software="0.1.0",
        found=len(rows) if missing else None,
        method=signatures.method(run.generator),
        parameters=signatures.parameters(run.generator),
        base=signatures.base(run.generator),
        seeds=seeds,
        run=run.manifest.id,
    )
    heading = Heading(method, "easel@0123456", "all", line)
    write_scores(run.directory.scores, table, reasons)
    summary = summarise(shapes, table, heading)
    write_atomic(run.directory.summary, summary.text().encode())
    return load_scored(run)


def _verdict(right: bool, prompt: Prompt, index: int) -> Verdict:
    word = "right" if right else "wrong"
    return Verdict(right, float(right), f"{prompt.id}/{index} is {word}", {"found": True})
