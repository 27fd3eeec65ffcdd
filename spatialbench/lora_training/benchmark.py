"""A training set's prompts as a benchmark, so that every command opens its run like any other.

The prompts are the set's own and stand in its run. A rule of the set is the strict check by which
images are kept; its numbers say how many a training set of this method would keep.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan
from pathlib import Path

import numpy as np

from ..errors import UserError
from ..files.documents import LARGE, parse_json, read_limited
from ..plugins import Benchmark, ScoreTable
from ..prompts import Prompt
from ..runs.files import write_if_other
from ..runs.manifest import read_manifest
from ..scoring.rules.constraint_rule import ConstraintRule
from ..scoring.rules.relation_checks import asked_triplets
from ..statistics.ratios import FloatArray, MeanOfRatios, Ratio
from .kept_set import DESCRIPTION
from .training_prompts import prompt_of

RUN = "run"
"""Where a training set's run lies in its folder."""
STORED = "asked.json"
THRESHOLD = 0.1
"""Score a box must exceed, unless the user says otherwise."""


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
    headline = ("found", "right", "kept", "kept_cond")

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

    def ratios(self, table: ScoreTable) -> Mapping[str, MeanOfRatios]:
        """Shares of images, as ``headline`` names them.

        ``found``: every object; ``right``: every relation, of some pair of boxes; ``kept``: every
        relation, of every pair; ``kept_cond``: the same among those with every object.
        """
        found, kept = _sums(table, "found_all"), _sums(table, "correct")
        images = _sums(table)
        right = _sums(table, "soft", whole=True)
        shares = {"found": (found, images), "right": (right, images), "kept": (kept, images)}
        shares["kept_cond"] = (kept, found)
        return {key: MeanOfRatios((Ratio(*pair),)) for key, pair in shares.items()}

    def metrics(self, table: ScoreTable) -> Mapping[str, float]:
        """See ``ratios``; in percent, NaN without an image to take a share of."""
        pairs = {key: mean.parts[0] for key, mean in self.ratios(table).items()}
        return {key: _percent(pair) for key, pair in pairs.items()}

    def undefined(self, table: ScoreTable) -> Mapping[str, str]:
        """``kept_cond`` where no image shows every asked object."""
        if _sums(table, "found_all").any():
            return {}
        return {"kept_cond": "no image shows every asked object"}


PLUGIN = TrainingPrompts()


def _percent(ratio: Ratio) -> float:
    whole = float(ratio.denominator.sum())
    return 100 * float(ratio.numerator.sum()) / whole if whole else nan


def _sums(table: ScoreTable, column: str | None = None, *, whole: bool = False) -> FloatArray:
    """A column's sums (its whole parts, if asked) over each prompt's images; None counts them."""
    weights = None
    if column is not None:
        weights = np.asarray(table.columns[column], dtype=np.float64)
        weights = np.floor(weights) if whole else weights
    sums = np.bincount(table.prompt_row, weights, len(table.prompts))
    return sums.astype(np.float64, copy=False)


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
