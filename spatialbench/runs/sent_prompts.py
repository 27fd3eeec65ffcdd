"""What a prompt transform did to a run's prompts: on disk, printed, and in the summary."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ..errors import UserError
from ..plugins import Outcome, PromptTransform
from ..prompt_transforms import IDENTITY_KEY, NONE, count_outcomes, transform_of
from ..prompts import Prompt
from .files import write_if_other
from .opening import Run

NAME = "prompts.jsonl"


def record_sent_prompts(run: Run) -> str | None:
    """Write both forms of every expected prompt, and say in a sentence how many were rewritten.

    ``prompts.jsonl`` of the run directory has one line per prompt, in run order: ``prompt_id``,
    ``prompt_original``, ``prompt_sent``, ``outcome`` (rewritten, unchanged or unparsed) and
    ``rule``. It follows from the identity and the selection, and is written only where it differs.

    Returns:
        None, and no file, for a run without a transform.

    Raises:
        UserError: no space, no permission, or a transform this version does not have.
    """
    name = str(run.generator.get(IDENTITY_KEY) or NONE)
    if name == NONE:
        return None
    transform = transform_of(name)
    lines = [json.dumps(_line(transform, prompt)) + "\n" for prompt in run.expected.prompts]
    write_if_other(run.path / NAME, "".join(lines).encode(), run.path)
    return transform_sentence(transform, run.expected.prompts)


def transform_sentence(transform: PromptTransform, prompts: Sequence[Prompt]) -> str:
    """``prompt transform tore/1: 13 of 25 prompts rewritten, 12 unchanged, 0 not parsed``."""
    counts = count_outcomes(transform, prompts)
    unparsed = counts[Outcome.UNPARSED]
    return (
        f"prompt transform {transform.signature}: {counts[Outcome.REWRITTEN]:,} of "
        f"{len(prompts):,} prompts rewritten, {counts[Outcome.UNCHANGED]:,} unchanged, "
        f"{unparsed:,} not parsed{' and sent as they are' if unparsed else ''}; judged by the "
        "original prompts"
    )


def transform_note(prompts: Sequence[Prompt], name: str | None) -> list[str]:
    """The same sentence for a summary; nothing without a transform.

    Args:
        name: the transform as a signature has it; one of another version is only named.
    """
    if name is None or name == NONE:
        return []
    try:
        if ":" in name:
            raise UserError("a place, which only a user may name: files of runs import nothing")
        return [f"{transform_sentence(transform_of(name), prompts)}."]
    except UserError:
        return [f"prompt transform {name}, which this version does not have."]


def _line(transform: PromptTransform, prompt: Prompt) -> dict[str, Any]:
    sent, done = transform.apply(prompt)
    return {
        "prompt_id": prompt.id,
        "prompt_original": prompt.text,
        "prompt_sent": sent.text,
        "outcome": str(done.outcome),
        "rule": done.rule,
    }
