"""The user's own prompts as a benchmark plug-in: ``--bench own-prompts:FILE``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from spatialbench.errors import UserError
from spatialbench.files.documents import LARGE, json_lines, parse_json, read_limited
from spatialbench.plugins import Benchmark
from spatialbench.plugins.rule_plugin import shares
from spatialbench.prompts import Prompt
from spatialbench.runs.files import SCRATCH, write_atomic
from spatialbench.scoring.rules.constraint_rule import ConstraintRule

from .reading import prompt_of_record, read_prompts, record_of

STORED = "own_prompts.jsonl"
"""Where a run holds its prompts, so that the user's file is needed once."""
_THRESHOLD = 0.1
"""Score a box must exceed, unless the user says otherwise."""


@dataclass(frozen=True)
class OwnPrompts(Benchmark):
    """Prompts from a file; those that ask for relations in words are judged by them.

    Attributes:
        every: the prompts; none until a file is named.
    """

    every: Sequence[Prompt] = ()

    name = "own-prompts"
    version = 1
    summary = "prompts of your own, from a file: --bench own-prompts:FILE"
    subsets = {"all": "every prompt of the file"}  # noqa: RUF012
    default_subset = "all"
    images_per_prompt = 1
    detector = "owlvit"
    takes_file = True
    rules = {"relations": ConstraintRule("own-relations/1", _THRESHOLD)}  # noqa: RUF012
    metrics = shares("relations", {"soft": "soft", "strict": "strict"})

    def of_file(self, path: Path) -> OwnPrompts:
        """With the prompts of a file. Raises UserError as ``reading.read_prompts``."""
        return OwnPrompts(read_prompts(path))

    def prompts(self, subset: str) -> Sequence[Prompt]:
        """All prompts of the file; there is one subset."""
        if not self.every:
            raise UserError(f"{self.name} has no prompts yet: give --bench {self.name}:FILE.")
        return self.every

    def begin_run(self, run: Path) -> None:
        """Store the prompts in the run.

        Raises:
            UserError: others are there already, or the disk refuses.
        """
        lines = (json.dumps(record_of(prompt), ensure_ascii=False) for prompt in self.every)
        content = "".join(f"{line}\n" for line in lines).encode()
        path = run / STORED
        if not path.exists():
            write_atomic(path, content, run / SCRATCH)
        elif self.of_run(run) != self:
            raise UserError(
                f"{run} was begun with other relations of the same prompts: give another --out."
            )

    def of_run(self, run: Path) -> OwnPrompts:
        """With the prompts that ``begin_run`` stored.

        Raises:
            UserError: they are not there or cannot be read.
        """
        path = run / STORED
        try:
            lines = json_lines(read_limited(path, LARGE, run))
            return OwnPrompts(tuple(prompt_of_record(parse_json(line)) for line in lines))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"the prompts of the run {run} cannot be read from {path} ({error!r}): restore "
                "the file, or give the command that made the run again with another --out."
            ) from error


PLUGIN: Benchmark = OwnPrompts()
