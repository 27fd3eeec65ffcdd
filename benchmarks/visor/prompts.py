"""The prompts of VISOR (the SR2D set), generated: no file is needed.

Source: microsoft/VISOR @ b9e368b. ``official_json("all")`` equals the repository's own prompt file
byte for byte (SHA-256 ``OFFICIAL_SHA256``).
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from spatialbench.errors import unknown_name
from spatialbench.prompts import COCO_NAMES, Prompt, Triplet, with_article
from spatialbench.relations import Relation

OFFICIAL_SHA256 = "ebe9b1199fd3c00aeb32f04b17d947319f40eb6edb87e97621277e5b61379048"

PHRASE: dict[str, str] = {
    Relation.LEFT.value: "to the left of",
    Relation.RIGHT.value: "to the right of",
    Relation.ABOVE.value: "above",
    Relation.BELOW.value: "below",
    "and": "and",
    "single": "single",
}
"""``rel_type`` of the official file, by task (``Prompt.task``)."""

RELATIONAL = tuple(PHRASE)[:4]
"""The tasks that VISOR scores."""

SUBSETS: dict[str, str] = {
    "relational": "the 25,280 prompts with a relation: what VISOR scores",
    "all": "all 31,680 prompts of the official file",
    "and": "the 6,320 prompts 'A and B'; VISOR gives them no score",
    "single": "the 80 prompts with one object; VISOR gives them no score",
}
_TASKS = {
    "relational": RELATIONAL,
    "all": tuple(PHRASE),
    "and": ("and",),
    "single": ("single",),
}


def prompts(subset: str = "relational") -> tuple[Prompt, ...]:
    """The prompts of a subset, in official order.

    ``Prompt.id`` is the official ``unique_id`` as text, which is also the position in the set
    ``all``; ``task`` is ``left``, ``right``, ``above``, ``below``, ``and`` or ``single``.

    Raises:
        UserError: a subset that does not exist.
    """
    if subset not in SUBSETS:
        raise unknown_name("VISOR prompt set", subset, SUBSETS)
    return _subset(subset)


def official_json(subset: str = "all") -> bytes:
    """A subset as the official prompt file: a JSON list, indent 2, no final newline."""
    return json.dumps([_official_entry(p) for p in prompts(subset)], indent=2).encode()


@cache
def _subset(subset: str) -> tuple[Prompt, ...]:
    return tuple(_generate(_TASKS[subset]))


def _generate(tasks: tuple[str, ...]) -> Iterator[Prompt]:
    """The prompts of some tasks; those of the others are counted, for the ids, and not made."""
    named = {name: with_article(name) for name in COCO_NAMES}
    relations = {task: None if task == "and" else Relation(task) for task in (*RELATIONAL, "and")}
    number = -1
    for pair in itertools.combinations(COCO_NAMES, 2):
        both = pair, pair[::-1]
        for task, relation in relations.items():
            if task not in tasks:
                number += 2
                continue
            phrase = PHRASE[task]
            for objects in both:
                number += 1
                first, second = objects
                triplet = None if relation is None else Triplet(first, relation, second)
                text = f"{named[first]} {phrase} {named[second]}"
                yield Prompt(str(number), text, task, triplet, objects)
    if "single" in tasks:
        for place, name in enumerate(COCO_NAMES, number + 1):
            yield Prompt(str(place), named[name], "single", objects=(name,))


def _official_entry(prompt: Prompt) -> dict[str, Any]:
    return {
        "unique_id": int(prompt.id),
        "num_objects": len(prompt.objects),
        "obj_1_attributes": [prompt.objects[0]],
        "obj_2_attributes": [prompt.objects[1] if len(prompt.objects) > 1 else None],
        "rel_type": PHRASE[prompt.task],
        "text": prompt.text,
    }
