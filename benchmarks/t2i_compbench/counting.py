"""The numeracy scorer: which numbers a sentence asks for, and how many of each are there.

Source: ``UniDet_eval/numeracy_eval.py`` of Karine-Huang/T2I-CompBench @ 1b70949.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .boxes import Box, overlap

NUMBERS = {"a": 1, "an": 1} | {
    word: number
    for number, word in enumerate(
        ["one", "two", "three", "four", "five", "six", "seven", "eight"], start=1
    )
}
_ARTICLES = ("a", "an")
_SINGULAR_NUMBERS = (*_ARTICLES, "one")

PEOPLE = dict.fromkeys(("boy", "girl", "man", "woman"), "person")
ALIASES = PEOPLE | {
    "ship": "boat",
    "telivision": "tv",
    "goldfish": "fish",
    "painting": "picture",
}
"""Object names the official scorer replaces; ``telivision`` is spelt so there and never occurs."""

SAME = 0.9
"""A box that covers more of another of its label, or is covered more, is the same object again."""


def distinct(labels: Sequence[str], boxes: Sequence[Box]) -> list[int]:
    """Indices of the detections that are not a repetition of an earlier kept one of their label.

    Boxes in pixels of the frame; sides count their last pixel.
    """
    kept: list[int] = []
    for i, label in enumerate(labels):
        if not any(labels[k] == label and _same(boxes[k], boxes[i]) for k in kept):
            kept.append(i)
    return kept


def wanted_objects(words: Sequence[str], plurals: Mapping[str, str]) -> tuple[list[str], list[int]]:
    """Object names (singular) and numbers that a sentence asks for, as the script reads them.

    Args:
        words: the sentence's words and punctuation marks, in lower case.
        plurals: plural by singular, in the order of the benchmark's list of objects.

    Returns:
        The two lists can differ in length: after ``a dogs`` the number is missing.

    Raises:
        IndexError: a number as the last word.
        ValueError: a singular after a larger number, as in ``two dog``.
    """
    singular = list(plurals)
    plural = list(plurals.values())
    names: list[str] = []
    numbers: list[int] = []
    for i, word in enumerate(words):
        if word not in NUMBERS:
            continue
        following = words[i + 1]
        pair = f"{following} {words[i + 2]}" if i + 2 < len(words) else ""
        if pair in plural and word not in _SINGULAR_NUMBERS:
            names.append(singular[plural.index(pair)])
            numbers.append(NUMBERS[word])
        elif pair in plural or pair in singular:
            names.append(pair)
            numbers.append(1)
        elif following in singular or following in plural:
            if word in _SINGULAR_NUMBERS and following in singular:
                names.append(following)
                numbers.append(1)
            else:
                names.append(singular[plural.index(following)])
                if word not in _ARTICLES:
                    numbers.append(NUMBERS[word])
    return [ALIASES.get(name, name) for name in names], numbers


def official_counts(labels: Sequence[str], names: Sequence[str]) -> list[int]:
    """How many labels the script takes for each name.

    A name that is not a label takes over every label that contains it, for the names after it too:
    ``phone`` is found in ``microphone``.
    """
    present = list(labels)
    counts = []
    for name in names:
        if name not in present:
            present = [name if name in label else label for label in present]
        counts.append(present.count(name))
    return counts


def count_score(counts: Sequence[int], numbers: Sequence[int]) -> float:
    """The share of objects that are there, half for any and half for the right number.

    Raises:
        ZeroDivisionError: no object was asked for.
        IndexError: fewer numbers than names, and an object that lacks one was found.
    """
    weight = 1.0 / len(counts)
    score = 0.0
    for i, count in enumerate(counts):
        if count:
            score += 0.5 * weight
            if count == numbers[i]:
                score += 0.5 * weight
    return score


def _same(a: Box, b: Box) -> bool:
    inter, area_a, area_b = overlap(a, b, edge=1)
    union = area_a + area_b - inter
    return inter / union > SAME or inter / area_a > SAME or inter / area_b > SAME
