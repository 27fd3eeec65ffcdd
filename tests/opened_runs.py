"""A run opened for a test, which holds it no longer than that takes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from spatialbench.runs.machine import Machine
from spatialbench.runs.opening import Run, RunSpec, opened_run
from spatialbench.runs.selection import Selection


def open_run(
    spec: RunSpec,
    selection: Selection,
    machine: Machine,
    out: Path | None = None,
    command: str | None = None,
    *,
    packing: bool = False,
) -> Run:
    """As ``opened_run``, also beside others who hold the run."""
    with opened_run(spec, selection, machine, out, command, shared=True, packing=packing) as run:
        return replace(run, alone=None)
