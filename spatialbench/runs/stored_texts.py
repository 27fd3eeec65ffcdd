"""The texts of a run whose prompts somebody else rewrote: they stand in the run itself.

So the file they came from is needed once. The identity holds their hash, by which every reader
checks that they are still the ones that the images were made from.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..files.documents import LARGE, json_lines, parse_json, read_limited
from ..plugins import PromptTransform
from ..prompt_transforms import IDENTITY_KEY, GivenTexts, applied, is_given
from ..prompts import Prompt
from .files import SCRATCH, write_atomic
from .selection import run_order

NAME = "prompts.jsonl"


def given_signature(generator: Mapping[str, Any]) -> str | None:
    """``file/<16 digits>`` of a generator's identity; None where no texts were given."""
    signature = generator.get(IDENTITY_KEY)
    return signature if is_given(signature) else None


def content(transform: PromptTransform, prompts: Sequence[Prompt]) -> bytes:
    """``prompts.jsonl`` of these prompts, a line each."""
    return "".join(json.dumps(_line(transform, prompt)) + "\n" for prompt in prompts).encode()


def store_texts(run: Path, given: GivenTexts, prompts: Sequence[Prompt]) -> None:
    """Write the texts into the run, unless they are there.

    All of them, and not only those of the selected prompts, because the hash is of all.

    Args:
        prompts: the whole subset.

    Raises:
        UserError: altered texts there; the disk refuses.
    """
    if (run / NAME).exists():
        read_texts(run, given.signature, prompts)
        return
    known = [prompt for prompt in run_order(prompts) if prompt.id in given.texts]
    write_atomic(run / NAME, content(given, known), run / SCRATCH)


def read_texts(run: Path, signature: str, prompts: Sequence[Prompt]) -> GivenTexts:
    """The texts in a run, which are those that its identity names.

    Args:
        signature: as the identity has it.
        prompts: the whole subset.

    Raises:
        UserError: no file, a damaged one, or altered texts.
    """
    path = run / NAME
    known = {prompt.id: prompt.text for prompt in prompts}
    try:
        found = GivenTexts(_read(path, run, known), f"the run {run}")
        if found.signature == signature:
            return found
        problem = f"its texts are {found.signature}, and the images were made from {signature}"
    except FileNotFoundError:
        problem = "it is not there"
    except (OSError, ValueError, KeyError, TypeError) as error:
        problem = f"{type(error).__name__}: {error}"
    raise UserError(
        f"{path}, which holds the rewritten prompts of the run, was altered or lost ({problem}): "
        "restore it, or delete it and give the command that made the run, with the file of the "
        "prompts."
    )


def told_in_run(run: Path, known: Mapping[str, str]) -> dict[str, str]:
    """The texts that a run says its images were made from, to be shown; empty where it says none.

    Args:
        known: the benchmark's own text by the id of each prompt that is wanted.
    """
    try:
        return _read(run / NAME, run, known)
    except (OSError, ValueError, KeyError, TypeError, UserError):
        return {}


def _read(path: Path, run: Path, known: Mapping[str, str]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for line in json_lines(read_limited(path, LARGE, run)):
        record = parse_json(line)
        if record["prompt_original"] != known[record["prompt_id"]]:
            raise ValueError(f"the prompt {record['prompt_id']} has another original text")
        texts[record["prompt_id"]] = record["prompt_sent"]
    return texts


def _line(transform: PromptTransform, prompt: Prompt) -> dict[str, Any]:
    sent, done = applied(transform, prompt)
    return {
        "prompt_id": prompt.id,
        "prompt_original": prompt.text,
        "prompt_sent": sent.text,
        "outcome": str(done.outcome),
        "rule": done.rule,
    }
