"""``spatialbench prompts``: a benchmark's prompts, for people and for other programs."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from ..api import choosing
from ..errors import UserError
from ..plugins.discovery import name_and_rest
from ..prompts import asked_triplets
from .streams import write_bytes

if TYPE_CHECKING:
    from ..prompts import Prompt


@click.command("prompts")
@click.option("--bench", required=True, help="The benchmark, as NAME or NAME:subset.")
@click.option("--set", "subset", help="Which of its prompt sets; default: the benchmark's own.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "jsonl", "official"]),
    default="text",
    show_default=True,
    help="Sentences, one object per line, or the benchmark's own file byte for byte.",
)
@click.option(
    "--limit", type=int, help="Only the prompts that 'run --limit N' takes, in its order."
)
def command(bench: str, subset: str | None, form: str, limit: int | None) -> None:
    """Print a benchmark's prompts in the benchmark's order."""
    name, named = name_and_rest("benchmark", bench)
    if subset and named and subset != named:
        raise UserError(f"--bench {bench} and --set {subset} name two prompt sets: give one.")
    benchmark, chosen = choosing.benchmark_and_subset(f"{name}:{subset or named or ''}")
    if form == "official":
        if limit is not None:
            raise UserError(
                "the official file has all prompts: leave out --limit, or give another --format."
            )
        # Bytes, not text: no added newline, and no newline translation.
        write_bytes(benchmark.official_prompts(chosen))
        return
    write = _sentence if form == "text" else _line
    prompts = benchmark.prompts(chosen)
    if limit is not None:
        from ..runs.selection import Selection, select

        prompts = select(prompts, Selection(limit=limit))
    sys.stdout.writelines(f"{write(prompt)}\n" for prompt in prompts)


def _sentence(prompt: Prompt) -> str:
    return prompt.text


def _line(prompt: Prompt) -> str:
    record: dict[str, Any] = {
        "prompt_id": prompt.id,
        "text": prompt.text,
        "task": prompt.task,
        "objects": list(prompt.objects),
    }
    if prompt.triplet:
        record["relation"] = prompt.triplet.relation.value
        record["subject"] = prompt.triplet.subject
        record["object"] = prompt.triplet.object
    if len(asked := asked_triplets(prompt)) > 1:
        record["relations"] = [[t.subject, t.relation.value, t.object] for t in asked]
    return json.dumps(record)
