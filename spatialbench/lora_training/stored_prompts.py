"""The prompts of a training set beside its images, so that other commands can open its run."""

from __future__ import annotations

import json
from pathlib import Path

from ..errors import UserError
from ..files.documents import LARGE, parse_json, read_limited
from ..runs.files import write_atomic
from ..runs.manifest import NAME as MANIFEST
from ..runs.manifest import read_manifest
from ..scoring.rules.relation_checks import asked_triplets
from .training_prompts import TrainingPrompts, prompt_of

RUN = "run"
"""Where a training set's run lies in its folder."""
STORED = "asked.json"
_BENCHMARK = TrainingPrompts(()).name


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
            for prompt in prompts.all
        ],
    }
    path = run / STORED
    data = json.dumps(content, indent=1).encode() + b"\n"
    try:
        same = read_limited(path, LARGE, run) == data
    except (OSError, ValueError):
        same = False
    if not same:
        write_atomic(path, data)


def training_run(folder: Path) -> Path | None:
    """The run directory of a training set, given that or the set; None for any other folder."""
    for run in (folder, folder / RUN):
        if (run / MANIFEST).is_file():
            ours = read_manifest(run).identity.get("benchmark") == _BENCHMARK
            return run if ours else None
    return None


def read_stored(run: Path) -> TrainingPrompts:
    """The prompts that ``store_prompts`` wrote.

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
