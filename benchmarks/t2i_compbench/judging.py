"""What the rules of T2I-CompBench share: the right category, the sentence, errors of the script."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeVar

from spatialbench.detections import Detections
from spatialbench.errors import UserError
from spatialbench.plugins import Verdict
from spatialbench.prompts import Prompt

ATTRIBUTES = ("color", "shape", "texture")
"""The categories about whose noun phrases a judge answers."""

NON_SPATIAL = "non-spatial"
BY_JUDGES = (*ATTRIBUTES, NON_SPATIAL)
"""The categories without objects to find."""

SIMILAR = 0.3
"""The cosine above which an image counts as right; ours, and no part of the benchmark's score."""

SPATIAL_PART, WHOLE = "complex", "complex-whole"
"""The category complex: the spatial part of its 58 spatial prompts, and the whole of all 300."""

OFFICIAL, CORRECTED, INFSPLIGN = range(3)
"""The variant of a rule, as the fact ``variant`` of its verdicts: each has columns of its own."""

THRESHOLD = 0.1
"""Scores the official detector keeps are above it; the 0.5 of its command line is not used."""

Answer = TypeVar("Answer")


def require(prompt: Prompt, categories: Sequence[str], rule: str) -> None:
    """Refuse a prompt of a category that a rule has nothing to say about.

    Raises:
        UserError: with the rules that fit.
    """
    category = prompt.facts.get("category")
    if category not in categories:
        names = {
            SPATIAL_PART: "2d",
            WHOLE: "complex",
            **dict.fromkeys(ATTRIBUTES, "attribute"),
        }
        fitting = f"--rule {names.get(str(category), category)}-official"
        if category not in (*BY_JUDGES, WHOLE):
            fitting += f" or {fitting.replace('official', 'corrected')}"
        raise UserError(
            f"the rule {rule} judges {' and '.join(categories)} prompts, but {prompt.text!r} is a "
            f"{category} prompt: give {fitting}."
        )


def as_official(compute: Callable[[], Answer], prompt: Prompt, corrected: str | None) -> Answer:
    """The answer, where the official script has one.

    Raises:
        UserError: the script would stop with an error here, which is no score.
    """
    try:
        return compute()
    except (ZeroDivisionError, IndexError, ValueError) as error:
        way = f"; --rule {corrected} has an answer" if corrected else ""
        raise UserError(
            f"the official scorer stops at {prompt.text!r} with a {type(error).__name__} "
            f"({_CAUSES[type(error)]}){way}."
        ) from error


_CAUSES: dict[type[Exception], str] = {
    ZeroDivisionError: "two boxes without area, or no object of its list in the sentence",
    IndexError: "a number without an object, or an object without a number",
    ValueError: "a number before a singular",
}


def pair_verdict(
    prompt: Prompt,
    found: Detections,
    indices: Sequence[int | None],
    position: float,
    answer: float,
    threshold: float,
    variant: int,
) -> Verdict:
    """The verdict on two objects.

    ``correct`` means both found and full marks for the position. The facts are ``found_a``,
    ``found_b``, ``found_all``, ``conf_a``, ``conf_b`` (score of the detection that stands for the
    object, 0.0 for none), ``position``, ``duplicates`` (boxes with a found label beyond one for
    each object) and ``variant``.
    """
    scores = [0.0 if i is None else float(found.scores[i]) for i in indices]
    there = [i is not None for i in indices]
    return Verdict(
        correct=all(there) and position == 1.0,
        score=answer,
        reason=_reason(prompt, there, scores, position, threshold),
        facts={
            "found_a": there[0],
            "found_b": there[1],
            "found_all": all(there),
            "conf_a": scores[0],
            "conf_b": scores[1],
            "position": position,
            "duplicates": _duplicates(found, indices, threshold),
            "variant": variant,
        },
    )


def _duplicates(found: Detections, indices: Sequence[int | None], threshold: float) -> int:
    """Boxes above the threshold with the label of a found object, beyond one for each."""
    labels = [found.labels[i] for i in indices if i is not None]
    counts = Counter(found.above(threshold).labels)
    return sum(counts[label] - labels.count(label) for label in set(labels))


def _reason(
    prompt: Prompt,
    there: Sequence[bool],
    scores: Sequence[float],
    position: float,
    threshold: float,
) -> str:
    words = prompt.facts["words"]
    if words is None:
        return f"expected {prompt.text}; the scorer finds no two objects in that sentence"
    missing = [word for word, found in zip(words, there, strict=True) if not found]
    if missing:
        nothing = f"no {' and no '.join(missing)} found above {threshold:g}"
        return f"expected {prompt.text}; {nothing}"
    seen = " and ".join(f"{w} ({s:.2f})" for w, s in zip(words, scores, strict=True))
    return f"expected {prompt.text}; {seen} found, position score {position:.2f}"
