"""The table behind the filters: per image the verdict, per prompt relation and objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...prompts import Key, Prompt
from ..compare.pairing import Pairing
from .records import Side, table_keys

ONE_RUN = {
    "r": "right",
    "w": "objects found, still wrong",
    "m": "an object was not found",
}
"""Verdict letters of a gallery of one run, as the filter names them."""

TWO_RUNS = {
    "l": "became wrong",
    "g": "became right",
    "r": "right in both",
    "w": "wrong in both",
}
"""Verdict letters of a gallery of two runs; the flips come first."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A card of the gallery: an image, its prompt, its verdict letter, and its row in each run."""

    key: Key
    prompt: Prompt
    verdict: str
    rows: tuple[int, ...]


def entries_of_one(side: Side) -> list[Entry]:
    """Every judged image of a run, in run order."""
    correct = side.scored.table.columns["correct"].tolist()
    entries = []
    for key, prompt, row in table_keys(side.scored.table):
        absent = not correct[row] and side.missing(row, prompt, side.detections.get(key))
        letter = "r" if correct[row] else "m" if absent else "w"
        entries.append(Entry(key, prompt, letter, (row,)))
    return entries


def entries_of_two(pairing: Pairing) -> list[Entry]:
    """Every image that both runs have, in the order of the first."""
    letters = {(False, False): "w", (True, True): "r", (False, True): "g", (True, False): "l"}
    before = pairing.first.columns["correct"].tolist()
    after = pairing.second.columns["correct"].tolist()
    a, b = pairing.first_rows.tolist(), pairing.second_rows.tolist()
    return [
        Entry(key, prompt, letters[bool(before[row]), bool(after[row])], (a[row], b[row]))
        for key, prompt, row in table_keys(pairing.first)
    ]


def facets(entries: Sequence[Entry], chunk: int, two_runs: bool) -> dict[str, Any]:
    """The table as JSON: images of a prompt lie together, so a count a prompt places them all.

    ``p`` id, ``t`` task and ``o`` objects of each prompt (numbers into ``tasks`` and ``objects``),
    ``n`` its images, ``v`` a verdict letter per image; image i is record ``i % chunk`` of the data
    file ``i // chunk``.
    """
    prompts: list[Prompt] = []
    counts: list[int] = []
    for entry in entries:
        if not prompts or prompts[-1].id != entry.prompt.id:
            prompts.append(entry.prompt)
            counts.append(0)
        counts[-1] += 1
    tasks = sorted({prompt.task for prompt in prompts})
    objects = sorted({name for prompt in prompts for name in prompt.objects})
    task_place = {name: i for i, name in enumerate(tasks)}
    object_place = {name: i for i, name in enumerate(objects)}
    return {
        "tasks": tasks,
        "objects": objects,
        "verdicts": TWO_RUNS if two_runs else ONE_RUN,
        "p": [prompt.id for prompt in prompts],
        "t": [task_place[prompt.task] for prompt in prompts],
        "o": [[object_place[name] for name in prompt.objects] for prompt in prompts],
        "n": counts,
        "v": "".join(entry.verdict for entry in entries),
        "chunk": chunk,
    }
