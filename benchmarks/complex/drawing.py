"""The prompts of our own: drawn from one seed, the same ones on every machine and in every version.

Nothing is random: candidates are put in the order of a hash of the seed and of what they ask for,
and the first of each kind are taken.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import permutations

from spatialbench.lab.captions import held_out
from spatialbench.lab.pictograms import NAMES as LAB_NAMES
from spatialbench.prompts import Prompt, Triplet, with_article
from spatialbench.relations import Relation

SEED = 16
"""Of both sets."""

HIGH = ("bird", "kite", "stop sign", "traffic light", "umbrella")
"""Objects of a street that may be above others."""
LOW = (
    *("backpack", "bench", "bicycle", "bus", "car", "dog", "fire hydrant", "handbag"),
    *("motorcycle", "parking meter", "person", "potted plant", "skateboard", "suitcase", "truck"),
)
"""Objects that stand on the street."""
STREET = (*HIGH, *LOW)
"""All of COCO's names, which every detector of this package knows."""

PLANE = (Relation.LEFT, Relation.RIGHT, Relation.ABOVE, Relation.BELOW)
STREET_RELATIONS = (*PLANE, Relation.IN_FRONT, Relation.BEHIND)
SINGLE = 50
"""Street prompts of one relation, for each of the six."""
DOUBLE = 10
"""Street prompts of two relations, for each ordered pair of different ones."""
LAB = 25
"""Prompts of the lab's world for each ordered pair of a relation across and one along y."""

_PHRASES = {
    Relation.LEFT: "to the left of",
    Relation.RIGHT: "to the right of",
    Relation.ABOVE: "above",
    Relation.BELOW: "below",
    Relation.IN_FRONT: "in front of",
    Relation.BEHIND: "behind",
}
_SHORT = {**_PHRASES, Relation.LEFT: "left of", Relation.RIGHT: "right of"}


def street_prompts() -> tuple[Prompt, ...]:
    """580 prompts: 300 of one relation and 280 of two, among three objects.

    Half of the latter share their subject, half their object. Only ``HIGH`` is above ``LOW``, so
    that nothing is above one thing and below another.
    """
    made: list[tuple[str, str, list[Triplet]]] = []
    for relation in STREET_RELATIONS:
        pairs = [(a, b) for a, b in permutations(STREET, 2) if _likely(a, relation, b)]
        for a, b in _first(SINGLE, pairs, "street", relation):
            text = f"a photo of a street with {with_article(a)} {_PHRASES[relation]}"
            made.append((f"{text} {with_article(b)}", relation, [Triplet(a, relation, b)]))
    for first, second in permutations(STREET_RELATIONS, 2):
        task = _street_task(first, second)
        for text, triplets in _street_doubles(first, second):
            made.append((f"a photo of a street with {text}", task, triplets))
    return tuple(_prompt(f"street_{i:04d}", *one) for i, one in enumerate(made))


def lab_prompts() -> tuple[Prompt, ...]:
    """200 prompts of two relations of two objects of the lab's world, such as "left of and above".

    The lab's model was trained on scenes of two objects; the pairs are ones it was never told of.
    """
    pairs = [(a, b) for a, b in permutations(LAB_NAMES, 2) if held_out(a, b)]
    made = []
    for first, second in permutations(PLANE, 2):
        if first.axis == second.axis:
            continue
        for a, b in _first(LAB, pairs, "lab", first, second):
            between = f"{_SHORT[first]} and {_SHORT[second]}"
            triplets = [Triplet(a, relation, b) for relation in (first, second)]
            text = f"{with_article(a)} {between} {with_article(b)}"
            made.append((text, f"{first} and {second}", triplets))
    return tuple(_prompt(f"lab_{i:04d}", *one) for i, one in enumerate(made))


def _street_doubles(first: Relation, second: Relation) -> Iterator[tuple[str, list[Triplet]]]:
    both = list(permutations(STREET, 3))
    shared = [(a, b, c) for a, b, c in both if _likely(a, first, b) and _likely(a, second, c)]
    for a, b, c in _first(DOUBLE // 2, shared, "street, one subject", first, second):
        text = f"{with_article(a)} {_PHRASES[first]} {with_article(b)}"
        text = f"{text} and {_PHRASES[second]} {with_article(c)}"
        yield text, [Triplet(a, first, b), Triplet(a, second, c)]
    ending = [(a, b, c) for a, b, c in both if _likely(a, first, b) and _likely(c, second, b)]
    for a, b, c in _first(DOUBLE - DOUBLE // 2, ending, "street, one object", first, second):
        text = f"{with_article(a)} {_PHRASES[first]} {with_article(b)}"
        text = f"{text} and {with_article(c)} {_PHRASES[second]} the {b}"
        yield text, [Triplet(a, first, b), Triplet(c, second, b)]


def _likely(subject: str, relation: Relation, object_: str) -> bool:
    if relation.axis != "y":
        return True
    upper, lower = (subject, object_) if relation is Relation.ABOVE else (object_, subject)
    return upper in HIGH and lower in LOW


def _street_task(first: Relation, second: Relation) -> str:
    deep = sum(relation.axis == "depth" for relation in (first, second))
    return ("two in the plane", "plane and depth", "two in depth")[deep]


def _first(count: int, candidates: Iterable[Sequence[str]], *kind: str) -> list[Sequence[str]]:
    """The first so many in the order of a hash of the seed, the kind and the candidate."""

    def place(candidate: Sequence[str]) -> bytes:
        return hashlib.sha256("|".join((str(SEED), *kind, *candidate)).encode()).digest()

    return sorted(candidates, key=place)[:count]


def _prompt(prompt_id: str, text: str, task: str, triplets: Sequence[Triplet]) -> Prompt:
    names = tuple(dict.fromkeys(name for t in triplets for name in (t.subject, t.object)))
    facts = {"triplets": tuple(triplets)} if len(triplets) > 1 else {}
    return Prompt(prompt_id, text, str(task), triplets[0], names, facts)
