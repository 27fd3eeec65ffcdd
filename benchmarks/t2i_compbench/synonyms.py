"""UniDet labels that mean a word of the prompts, for the corrected rules.

The official 2D scorer asks for a label that equals the word, and so never finds a cow (its label
is ``cattle, cow``). Here a label means a word if the word is one of its parts, or if the label is
listed below. ``wallet`` has no label of any name and stays unfound.
"""

from __future__ import annotations

from collections.abc import Sequence

from .finding import parts

SYNONYMS: dict[str, frozenset[str]] = {
    word: frozenset(labels)
    for word, labels in {
        "bag": ("handbag", "luggage and bags", "plastic bag"),
        "balloon": ("hotair balloon",),
        "bird": ("wild bird",),
        "boat": ("sailboat",),
        "bread": ("bread/bun",),
        "car": ("sports car", "race car"),
        "clock": ("wall clock", "digital clock", "alarm clock"),
        "computer": ("laptop", "computer monitor", "computer box", "tablet computer, tablet"),
        "couch": ("studio couch", "sofa bed"),
        "cup": ("coffee cup",),
        "fish": ("goldfish",),
        "microwave": ("microwave oven",),
        "mouse": ("mouse1",),
        "painting": ("picture, frame",),
        "person": ("man", "woman", "boy", "girl"),
        "phone": ("mobile phone, cell phone", "corded phone, telephone", "telephone"),
        "picture": ("picture, frame",),
        "ship": ("boat", "watercraft, boat"),
        "sofa": ("loveseat, couch", "couch", "studio couch", "sofa bed"),
        "suitcase": ("briefcase, luggage",),
        "table": ("dining table", "coffee table", "kitchen & dining room table"),
        "television": ("tv",),
        "turtle": ("tortoise, tortoise/turtle", "sea turtle"),
    }.items()
}
"""Whole labels beyond those that have the word as a part."""


def means(label: str, word: str) -> bool:
    """Whether a label is a name of what the word says."""
    return label == word or word in parts(label) or label in SYNONYMS.get(word, ())


def first_meaning(labels: Sequence[str], word: str) -> int | None:
    """The first (best) detection whose label means the word."""
    return next((i for i, label in enumerate(labels) if means(label, word)), None)
