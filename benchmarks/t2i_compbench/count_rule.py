"""The rules for how many there are of each: official and corrected."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import pairwise

from spatialbench.detections import Detections
from spatialbench.plugins import Rule, Verdict
from spatialbench.prompts import Prompt

from . import judging, sources
from .counting import NUMBERS, PEOPLE, count_score, distinct, official_counts, wanted_objects
from .frame import framed
from .judging import THRESHOLD, as_official, require
from .synonyms import means


class OfficialCountRule(Rule):
    """Half of an object's share for any of it, half for the right number.

    Source: ``UniDet_eval/numeracy_eval.py`` of Karine-Huang/T2I-CompBench @ 1b70949.
    """

    name = "t2i-numeracy-official/1"
    threshold = THRESHOLD

    def judge(self, prompt: Prompt, detections: Detections, threshold: float) -> Verdict:
        """Judge one image.

        Args:
            prompt: a prompt of the category numeracy.
            detections: best score first, as the detector gives them. Boxes are brought to the
                479-pixel frame first.
            threshold: a box counts if its float32 score is strictly above float32(threshold).

        Returns:
            ``correct`` means full marks. The facts are ``found_all``, ``kinds`` (how many
            objects the sentence asks for), ``duplicates`` (beyond the asked numbers) and
            ``variant``.

        Raises:
            UserError: a prompt of another category, or one at which the official scorer stops.
        """
        require(prompt, ("numeracy",), self.name)
        labels = kept_labels(detections, threshold)

        def compute() -> tuple[float, list[str], list[int], list[int]]:
            names, numbers = wanted_objects(prompt.facts["words"], sources.plurals())
            counts = official_counts(labels, names)
            return count_score(counts, numbers), names, numbers, counts

        return _verdict(judging.OFFICIAL, *as_official(compute, prompt, "numeracy-corrected"))

    def takes(self, label: str, word: str) -> bool:
        """Whether a box of that label can count for the name."""
        return word in label


class CorrectedCountRule(Rule):
    """The same marks; labels are matched by meaning, and every sentence of numbers has an answer.

    ``phone`` is no longer found in ``microphone``, ``one television`` is found in ``tv``, one
    object's labels are not taken over by another, and ``a dogs`` or ``two dog`` asks for what it
    says.
    """

    name = "t2i-numeracy-corrected/1"
    threshold = THRESHOLD

    def judge(self, prompt: Prompt, detections: Detections, threshold: float) -> Verdict:
        """Judge one image; as the official rule otherwise.

        Raises:
            UserError: a prompt of another category, or without any object of the benchmark's list.
        """
        require(prompt, ("numeracy",), self.name)
        labels = kept_labels(detections, threshold)
        names, numbers = _wanted(tuple(prompt.facts["words"]))
        counts = [sum(means(label, name) for label in labels) for name in names]
        halves = sum(
            (count > 0) + (count == number) for count, number in zip(counts, numbers, strict=True)
        )
        answer = as_official(lambda: halves / (2 * len(names)), prompt, None)
        return _verdict(judging.CORRECTED, answer, names, numbers, counts)

    def takes(self, label: str, word: str) -> bool:
        """Whether a box of that label counts for the name."""
        return means(label, word)


def kept_labels(detections: Detections, threshold: float) -> list[str]:
    """Labels above the threshold, repetitions of an object left out."""
    found = detections.above(threshold)
    boxes = [framed(found, i) for i in range(len(found))]
    return [found.labels[i] for i in distinct(found.labels, boxes)]


@cache
def _wanted(words: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Every number word before a listed singular or plural, with people under one name."""
    singular = {plural: single for single, plural in sources.plurals().items()}
    singular |= {single: single for single in sources.plurals()}
    wanted = [
        (singular[following], NUMBERS[word])
        for word, following in pairwise(words)
        if word in NUMBERS and following in singular
    ]
    names = tuple(PEOPLE.get(name, name) for name, _ in wanted)
    return names, tuple(number for _, number in wanted)


def _verdict(
    variant: int,
    answer: float,
    names: Sequence[str],
    numbers: Sequence[int],
    counts: Sequence[int],
) -> Verdict:
    wanted = " and ".join(f"{number} {name}" for name, number in zip(names, numbers, strict=False))
    seen = " and ".join(f"{count} {name}" for name, count in zip(names, counts, strict=True))
    return Verdict(
        correct=answer > 1 - 1e-9,
        score=answer,
        reason=f"expected {wanted}; found {seen}",
        facts={
            "found_all": all(counts),
            "kinds": len(names),
            "duplicates": sum(max(c - n, 0) for c, n in zip(counts, numbers, strict=False)),
            "variant": variant,
        },
    )


OFFICIAL: Rule = OfficialCountRule()
CORRECTED: Rule = CorrectedCountRule()
