"""The run that an import makes: benchmark, selection, and what the work is called."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from ..errors import UserError
from ..plugins import Benchmark, Method
from ..runs.expected import Expected
from ..runs.machine import this_machine
from ..runs.opening import Run, RunSpec, opened_run
from ..runs.seeds import SeedScheme
from ..runs.selection import Selection


@dataclass(frozen=True)
class Target:
    """Where imported work goes.

    Attributes:
        benchmark: whose prompts it answers.
        subset: which of its prompt sets.
        selection: the images that are expected.
        seeds: the scheme they were made with, usually ``unknown``.
        allow_partial: whether less than everything expected may be imported.
        out: exactly where the run lies; None for its own folder under ``runs``.
        command: what the user typed.
        pack: whether images go into packs instead of files of their own.
    """

    benchmark: Benchmark
    subset: str
    selection: Selection
    seeds: SeedScheme
    allow_partial: bool = False
    out: Path | None = None
    command: str | None = None
    pack: bool = False

    def expected(self, method: Method) -> Expected:
        """The images that should be there."""
        return self._spec(method).expect(self.selection)

    def folder(self, method: Method) -> Path:
        """Where the run lies, or is to lie."""
        return self.out or self._spec(method).folder()

    def opened(self, method: Method) -> AbstractContextManager[Run]:
        """Start the run, or continue the one of the same files, and hold it."""
        return opened_run(
            self._spec(method),
            self.selection,
            this_machine(),
            self.out,
            self.command,
            packing=self.pack,
        )

    def check(self, found: int, expected: int) -> None:
        """Refuse less than everything, unless that was allowed. Raises UserError."""
        if not found:
            raise UserError(
                "nothing in the file is an expected image: check --bench, --limit and --only."
            )
        if found < expected and not self.allow_partial:
            raise UserError(
                f"the file has {found:,} of {expected:,} expected images, and nothing was "
                "imported: complete it, narrow the expectation with --limit, --only or "
                "--images-per-prompt, or give --allow-partial."
            )

    def _spec(self, method: Method) -> RunSpec:
        return RunSpec(self.benchmark, self.subset, method, self.seeds)
