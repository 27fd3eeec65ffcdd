"""GenEval's 553 prompts, drawn again from the published recipe: no file is needed.

Source: ``prompts/create_prompts.py`` of djghosh13/geneval @ af4902f. With seed 43 and 100 draws
``metadata_text`` is ``evaluation_metadata.jsonl`` byte for byte (SHA-256 ``OFFICIAL_SHA256``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from spatialbench.prompts import with_article

from .names import CLASSES, COLOURS

OFFICIAL_SHA256 = "5c48e0813e812e3c373fa5c8ed07a8f0a483be30272b4427b0559c8048e67c13"

Metadata = dict[str, Any]
"""A line of the official file: ``tag``, ``include``, perhaps ``exclude``, and ``prompt``."""

TAGS = ("single_object", "two_object", "counting", "colors", "position", "color_attr")
RELATIONS = ("left of", "right of", "above", "below")
_NUMBERS = {2: "two", 3: "three", 4: "four"}


def metadata(seed: int = 43, draws: int = 100) -> list[Metadata]:
    """The prompts in official order, repetitions left out.

    Args:
        seed: of numpy's ``default_rng``; all tasks draw from one stream.
        draws: prompts drawn for each task but the first, which has one for each class.
    """
    found = {json.dumps(entry): entry for entry in _draw(np.random.default_rng(seed), draws)}
    return list(found.values())


def metadata_text(entries: list[Metadata]) -> bytes:
    """Entries as the official file has them: one JSON object per line."""
    return "".join(json.dumps(entry) + "\n" for entry in entries).encode()


def _draw(rng: np.random.Generator, draws: int) -> Iterator[Metadata]:
    for i in rng.choice(len(CLASSES), size=len(CLASSES), replace=False):
        yield _entry("single_object", [_object(CLASSES[i])], with_article(CLASSES[i]))
    for _ in range(draws):
        a, b = _two(rng)
        text = f"{with_article(a)} and {with_article(b)}"
        yield _entry("two_object", [_object(a), _object(b)], text)
    for _ in range(draws):
        name = CLASSES[rng.choice(len(CLASSES))]
        number = int(rng.integers(2, 4, endpoint=True))
        plural = f"{name}es" if name.endswith("s") else f"{name}s"
        entry = _entry("counting", [_object(name, number)], f"{_NUMBERS[number]} {plural}")
        yield {
            "tag": entry["tag"],
            "include": entry["include"],
            "exclude": [_object(name, number + 1)],
            "prompt": entry["prompt"],
        }
    for _ in range(draws):
        name = _no_person(int(rng.choice(len(CLASSES) - 1)))
        colour = COLOURS[rng.choice(len(COLOURS))]
        text = f"{with_article(colour)} {name}"
        yield _entry("colors", [_object(name) | {"color": colour}], text)
    for _ in range(draws):
        a, b = _two(rng)
        relation = RELATIONS[rng.choice(len(RELATIONS))]
        # The target comes first, because a position names the earlier object it refers to.
        include = [_object(b), _object(a) | {"position": [relation, 0]}]
        yield _entry("position", include, f"{with_article(a)} {relation} {with_article(b)}")
    for _ in range(draws):
        a, b = (_no_person(int(i)) for i in rng.choice(len(CLASSES) - 1, size=2, replace=False))
        c, d = (COLOURS[i] for i in rng.choice(len(COLOURS), size=2, replace=False))
        include = [_object(a) | {"color": c}, _object(b) | {"color": d}]
        text = f"{with_article(c)} {a} and {with_article(d)} {b}"
        yield _entry("color_attr", include, text)


def _entry(tag: str, include: list[Metadata], what: str) -> Metadata:
    return {"tag": tag, "include": include, "prompt": f"a photo of {what}"}


def _object(name: str, count: int = 1) -> Metadata:
    return {"class": name, "count": count}


def _two(rng: np.random.Generator) -> tuple[str, str]:
    a, b = rng.choice(len(CLASSES), size=2, replace=False)
    return CLASSES[a], CLASSES[b]


def _no_person(drawn: int) -> str:
    return CLASSES[(drawn + 1 + CLASSES.index("person")) % len(CLASSES)]
