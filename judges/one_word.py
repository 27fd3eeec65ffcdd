"""Answers of one word: how a judge is asked for one, and the ways to write it that count.

Source: ``evaluation.py`` (Soft-TIFA) of facebookresearch/GenEval2 @ a6e82d2.
"""

from __future__ import annotations

PROMPT = "{question} Answer in one word."

DIGITS = {
    word: str(number)
    for number, word in enumerate(
        ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"), 1
    )
}


def forms(expected: str) -> tuple[str, ...]:
    """The ways to write an answer that count: ``two``, ``Two``, both with a blank before, ``2``.

    Also `` 2``, as in the source: where a blank before a digit is a token of its own, that form
    counts the blank. Only numbers up to ten are written in digits. In capitals (``YES``) none
    counts.
    """
    lower = expected.lower()
    spoken = (lower, lower.capitalize(), f" {lower}", f" {lower.capitalize()}")
    digit = DIGITS.get(lower)
    return spoken if digit is None else (*spoken, digit, f" {digit}")


def is_first(word: str, expected: str) -> bool:
    """Whether the likeliest first token is one of the forms, whatever is written in capitals.

    So also ``YES``, which no probability counts.
    """
    return word.lower() in forms(expected)
