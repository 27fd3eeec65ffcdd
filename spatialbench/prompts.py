"""A benchmark's prompt: its text, and what the image must show to be right."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from .relations import Relation

Key = tuple[str, int]
"""Prompt id and image index: the name of an image job."""


COCO_NAMES: tuple[str, ...] = (
    *("person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat"),
    *("traffic light", "fire hydrant", "stop sign", "parking meter", "bench"),
    *("bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe"),
    *("backpack", "umbrella", "handbag", "tie", "suitcase"),
    *("frisbee", "skis", "snowboard", "sports ball", "kite", "baseball bat", "baseball glove"),
    *("skateboard", "surfboard", "tennis racket"),
    *("bottle", "wine glass", "cup", "fork", "knife", "spoon", "bowl"),
    *("banana", "apple", "sandwich", "orange", "broccoli", "carrot", "hot dog", "pizza", "donut"),
    *("cake", "chair", "couch", "potted plant", "bed", "dining table", "toilet"),
    *("tv", "laptop", "mouse", "remote", "keyboard", "cell phone"),
    *("microwave", "oven", "toaster", "sink", "refrigerator"),
    *("book", "clock", "vase", "scissors", "teddy bear", "hair drier", "toothbrush"),
)
"""COCO's 80 object names, in the order of its categories."""


@dataclass(frozen=True, slots=True)
class Triplet:
    """``subject`` stands in ``relation`` to ``object``: (dog, left, cat)."""

    subject: str
    relation: Relation
    object: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt of a benchmark.

    Attributes:
        id: the benchmark's own identifier, unique within it and safe as a folder name.
        text: the sentence a method is given.
        task: the benchmark's own group for breakdowns, e.g. ``left`` or ``position``.
        triplet: what the prompt asks for, or None where it names no relation.
        objects: names of all objects the text mentions, in reading order.
        facts: whatever else the benchmark's rule or its official file needs.
    """

    id: str
    text: str
    task: str
    triplet: Triplet | None = None
    objects: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


def asked_triplets(prompt: Prompt) -> tuple[Triplet, ...]:
    """Every relation a prompt asks for: its ``facts["triplets"]`` where there are several."""
    several = prompt.facts.get("triplets")
    if several:
        return tuple(several)
    return () if prompt.triplet is None else (prompt.triplet,)


def prompt_set_hash(prompts: Iterable[Prompt]) -> str:
    """SHA-256 (hex) over ids and texts in order: two prompt sets with one hash are the same set."""
    return _hash(tuple((prompt.id, prompt.text) for prompt in prompts))


@lru_cache(maxsize=4)
def _hash(told: tuple[tuple[str, str], ...]) -> str:
    # One call for all, for each takes a while: no JSON text holds a line break as it is.
    lines = json.dumps(told, separators=("\n", ":"))[1:-1].replace('"\n"', '", "')
    return hashlib.sha256(f"{lines}\n".encode() if told else b"").hexdigest()


def with_article(name: str) -> str:
    """``an apple``, ``a dog``: by first letter, as the benchmarks do it (``a skis``, too)."""
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
