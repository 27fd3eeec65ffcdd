"""A training set's prompts as a benchmark, so that every command opens its run like any other.

The prompts are the set's own and stand in its run. A rule of the set is the strict check by which
images are kept; its numbers say how many a training set of this method would keep.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import UserError
from ..files.documents import LARGE, parse_json, read_limited
from ..plugins import Benchmark, Metric, ScoreTable, share
from ..prompts import Prompt, asked_triplets
from ..runs.files import write_if_other
from ..runs.manifest import read_manifest
from ..scoring.rules.constraint_rule import ConstraintRule
from ..statistics.ratios import MeanOfRatios, Ratio
from .kept_set import DESCRIPTION
from .training_prompts import prompt_of

RUN = "run"
"""Where a training set's run lies in its folder."""
STORED = "asked.json"
THRESHOLD = 0.1
"""Score a box must exceed, unless the user says otherwise."""


def _right(table: ScoreTable) -> MeanOfRatios:
    whole = np.floor(np.asarray(table.columns["soft"], dtype=np.float64))
    sums = np.bincount(table.prompt_row, whole, len(table.prompts)).astype(np.float64, copy=False)
    return MeanOfRatios((Ratio(sums, table.sums()),))


def _kept(table: ScoreTable) -> MeanOfRatios:
    return MeanOfRatios((Ratio(table.sums("correct"), table.sums("found_all")),))


def _no_object(table: ScoreTable) -> str | None:
    return None if table.sums("found_all").any() else "no image shows every asked object"


@dataclass(frozen=True)
class TrainingPrompts(Benchmark):
    """The prompts of one training set.

    Attributes:
        every: the prompts; none for those of no set in particular.
        images_per_prompt: images of each.
    """

    every: Sequence[Prompt] = ()
    images_per_prompt: int = 1

    name = "esplora-training"
    version = 1
    summary = "prompts of a LoRA's training images, as 'esplora build-data' draws or reads them"
    subsets = {"all": "every prompt"}  # noqa: RUF012
    default_subset = "all"
    detector = "owlvit"
    rules = {"training": ConstraintRule("training/1", THRESHOLD)}  # noqa: RUF012
    metrics = (
        share("found", "images that show every asked object", "found_all"),
        Metric("right", "images with every relation, of some pair of boxes", _right),
        share("kept", "images with every relation, of every pair of boxes", "correct"),
        Metric(
            "kept_cond",
            "kept images among those with every object",
            _kept,
            undefined=_no_object,
        ),
    )

    def prompts(self, subset: str) -> Sequence[Prompt]:
        """All prompts of the set; there is one subset."""
        if not self.every:
            raise UserError(
                f"the prompts of {self.name} belong to a training set: 'spatialbench esplora "
                "build-data' makes one, and other commands take its folder."
            )
        return self.every

    def of_run(self, run: Path) -> TrainingPrompts:
        """With the prompts that ``store_prompts`` wrote into the run.

        Raises:
            UserError: they are not there or cannot be read.
        """
        path = run / STORED
        try:
            content = parse_json(read_limited(path, LARGE, run).decode("utf-8"))
            prompts = [prompt_of(str(record["id"]), record) for record in content["prompts"]]
            return TrainingPrompts(prompts, int(content["images_per_prompt"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            again = read_manifest(run).again or "the command that began it"
            raise UserError(
                f"the prompts of the training set in {run} cannot be read from {path} ({error!r}): "
                f"type its command again, which writes them: {again}"
            ) from error

    def unfinished(self, run: Path) -> bool:
        """Until the images to train on are chosen."""
        return run.name == RUN and not (run.parent / DESCRIPTION).is_file()


PLUGIN = TrainingPrompts()


def store_prompts(run: Path, prompts: TrainingPrompts) -> None:
    """Write them into the run directory, unless they are there.

    Raises:
        UserError: no space, no permission.
    """
    content = {
        "images_per_prompt": prompts.images_per_prompt,
        "prompts": [
            {
                "id": prompt.id,
                "text": prompt.text,
                "relations": [
                    [t.subject, t.relation.value, t.object] for t in asked_triplets(prompt)
                ],
            }
            for prompt in prompts.every
        ],
    }
    write_if_other(run / STORED, json.dumps(content, indent=1).encode() + b"\n", run)
