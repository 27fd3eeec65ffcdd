"""GenEval 2 as a benchmark plug-in: what the harness asks of it, answered by the others."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spatialbench.errors import UserError
from spatialbench.exchange.listed import PATHS
from spatialbench.files.documents import LARGE, read_limited
from spatialbench.plugins import Benchmark, Judged, Published, Rule, ScoreTable
from spatialbench.plugins.evidence import Evidence
from spatialbench.plugins.subsets import start_of
from spatialbench.prompts import Prompt
from spatialbench.runs.files import SCRATCH, write_atomic

from . import metrics, official, sources
from .prompts import read_prompts
from .published import published
from .rule import OFFICIAL

STORED = "geneval2_prompts.jsonl"
"""Where a run holds prompts of the user's own, so that their file is needed once."""
UNNAMED = "external"
"""What stands for the judge in results from elsewhere."""
_ALL = {"all": "the 800 prompts of geneval2_data.jsonl, of 3 to 10 atoms"}
_DIGITS = 12


@dataclass(frozen=True)
class GenEval2(Benchmark):
    """Kamath et al., "GenEval 2" (2025).

    Attributes:
        own: a prompt file of the user's, of the same form; empty for the benchmark's.
        subsets: one, for a user's file named by its hash, so that no two files share a table.
    """

    own: bytes = b""
    subsets: Mapping[str, str] = field(default_factory=lambda: dict(_ALL))

    name = "geneval2"
    version = 1
    summary = "GenEval 2: 800 prompts of 3 to 10 atoms, every atom a question to a judge"
    default_subset = "all"
    images_per_prompt = 1
    judge = "qwen3-vl-8b"
    detector = "owlv2"
    takes_file = True
    rules = {"soft-tifa": OFFICIAL}  # noqa: RUF012
    metrics = metrics.METRICS
    layouts = {"geneval2": PATHS}  # noqa: RUF012
    files = sources.FILES
    licence = sources.LICENCE

    def of_file(self, path: Path) -> GenEval2:
        """With the prompts of a file of the same form. Raises UserError for another one."""
        try:
            content = read_limited(path, LARGE)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise UserError(
                f"the prompts {path} cannot be read ({why}): give --bench {self.name}:FILE, or "
                f"--bench {self.name} for the benchmark's own."
            ) from error
        return self if sources.is_official(content) else _of(content, str(path))

    def prompts(self, subset: str) -> Sequence[Prompt]:
        """All prompts, in the order of the file. Raises UserError where it is not there."""
        content = self.official_prompts(subset)
        return read_prompts(content, self.default_subset if self.own else sources.NAME)

    def labels(self, prompt: Prompt) -> Sequence[str]:
        """The names of the prompt's objects, one each, without number and attribute."""
        return tuple(prompt.facts["group_sizes"])

    def official_prompts(self, subset: str) -> bytes:
        """The prompt file, byte for byte."""
        return self.own or sources.content()

    def begin_run(self, run: Path) -> None:
        """Store prompts of the user's own in the run. Raises UserError where the disk refuses."""
        if self.own and not (run / STORED).exists():
            write_atomic(run / STORED, self.own, run / SCRATCH)

    def of_run(self, run: Path) -> GenEval2:
        """With the prompts that ``begin_run`` stored, else the benchmark's own.

        Raises:
            UserError: they cannot be read.
        """
        path = run / STORED
        if not path.exists():
            return self
        try:
            return _of(read_limited(path, LARGE, run), str(path))
        except (OSError, ValueError) as error:
            raise UserError(
                f"the prompts of the run {run} cannot be read from {path} ({error!r}): restore the "
                "file, or give the command that made the run again with another --out."
            ) from error

    def published(self) -> Sequence[Published]:
        """Rows of papers, all by way of others."""
        return published()

    def breakdowns(self, table: ScoreTable) -> Mapping[str, Mapping[str, Any]]:
        """Soft-TIFA GM by the number of atoms."""
        return {"atomicity": metrics.by_atomicity(table)}

    def notes(self, prompts: Sequence[Prompt], rule: str, detector: str) -> Sequence[str]:
        """Which judge answered, and that another than GenEval 2's gives other numbers."""
        own = (start_of("judge", self.judge) or "").partition("@")[0]
        if detector == UNNAMED:
            return [f"GenEval 2 is judged by {own}; which judge gave these answers is not known."]
        if detector.startswith(f"{own}@"):
            return [f"GenEval 2 names no commit of its judge; this is {detector}."]
        return [
            f"GenEval 2 is judged by {own}: numbers of {detector} do not compare with its "
            "published ones."
        ]

    def official_reader(
        self, subset: str, images_per_prompt: int | None = None
    ) -> Callable[[Path], Judged]:
        """What reads a score file of the official script."""
        prompts = self.prompts(subset)
        return lambda path: official.read_official(path, prompts, OFFICIAL.threshold)

    def official_results(
        self,
        images: Iterable[tuple[Prompt, int, Evidence]],
        subset: str,
        rule: Rule,
        threshold: float,
        method: str,
        detector: str | None = None,
        images_per_prompt: int | None = None,
    ) -> Mapping[str, bytes]:
        """The score file, as the official script writes it.

        Raises:
            UserError: not one image of every prompt.
        """
        return {official.RESULTS: official.official_file(images, self.prompts(subset))}


def _of(content: bytes, where: str) -> GenEval2:
    prompts = read_prompts(content, where)
    digest = hashlib.sha256(content).hexdigest()[:_DIGITS]
    return GenEval2(content, {digest: f"the {len(prompts):,} prompts of the file"})


PLUGIN: Benchmark = GenEval2()
