"""The user's own prompts as a benchmark plug-in: ``--bench own-prompts:FILE``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
_NO_FILE = {"all": "every prompt of the file"}
_DIGITS = 12
_THRESHOLD = 0.1
"""Score a box must exceed, unless the user says otherwise."""


@dataclass(frozen=True)
class OwnPrompts(Benchmark):
    """Prompts from a file; those that ask for relations in words are judged by them.

    Attributes:
        every: the prompts; none until a file is named.
        subsets: one, named by a hash of the prompts and what they ask for, so that no two files
            share a table.
    """

    every: Sequence[Prompt] = ()
    subsets: Mapping[str, str] = field(default_factory=lambda: dict(_NO_FILE))

    name = "own-prompts"
    version = 1
    summary = "prompts of your own, from a file: --bench own-prompts:FILE"
    default_subset = "all"
    images_per_prompt = 1
    detector = "owlvit"
    takes_file = True
    rules = {"relations": ConstraintRule("own-relations/1", _THRESHOLD)}  # noqa: RUF012
    metrics = shares("rel", {"soft": "soft", "strict": "strict"}, partial=True)

    def of_file(self, path: Path) -> OwnPrompts:
        """With the prompts of a file. Raises UserError as ``reading.read_prompts``."""
        return _of(read_prompts(path))

    def prompts(self, subset: str) -> Sequence[Prompt]:
        """All prompts of the file."""
        if not self.every:
            raise UserError(f"{self.name} has no prompts yet: give --bench {self.name}:FILE.")
        return self.every

    def begin_run(self, run: Path) -> None:
        """Store the prompts in the run.

        Raises:
            UserError: the disk refuses.
        """
        if not (run / STORED).exists():
            write_atomic(run / STORED, _content(self.every), run / SCRATCH)

    def of_run(self, run: Path) -> OwnPrompts:
        """With the prompts that ``begin_run`` stored.

        Raises:
            UserError: they are not there or cannot be read.
        """
        path = run / STORED
        try:
            lines = json_lines(read_limited(path, LARGE, run))
            return _of(tuple(prompt_of_record(parse_json(line)) for line in lines))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"the prompts of the run {run} cannot be read from {path} ({error!r}): restore "
                "the file, or give the command that made the run again with another --out."
            ) from error


def _content(prompts: Sequence[Prompt]) -> bytes:
    lines = (json.dumps(record_of(prompt), ensure_ascii=False) for prompt in prompts)
    return "".join(f"{line}\n" for line in lines).encode()


def _of(prompts: Sequence[Prompt]) -> OwnPrompts:
    digest = hashlib.sha256(_content(prompts)).hexdigest()[:_DIGITS]
    return OwnPrompts(prompts, {digest: f"the {len(prompts):,} prompts of the file"})


PLUGIN: Benchmark = OwnPrompts()
