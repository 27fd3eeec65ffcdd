"""The rule for colours, shapes and textures: what BLIP-VQA says of every noun phrase.

Source: ``BLIPvqa_eval/BLIP_vqa.py`` of Karine-Huang/T2I-CompBench @ 1b70949.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

import numpy as np

from spatialbench.errors import UserError
from spatialbench.plugins import Rule, Verdict
from spatialbench.plugins.evidence import ANSWERS, Evidence
from spatialbench.prompts import Prompt

from . import judging
from .judging import ATTRIBUTES, require

MOST_QUESTIONS = 8
"""Noun phrases that are asked about; no official prompt has more."""
NOT_ASKED = frozenset(("top", "the side", "the left", "the right"))
"""Noun phrases of a relation, which the script leaves out; in this form alone."""


class OfficialAttributeRule(Rule):
    """The product of the probabilities that the image shows each noun phrase.

    Each is rounded to four decimals before, and the product, of float32, after.
    """

    name = "t2i-attribute-official/1"
    threshold = 0.5
    needs = (ANSWERS,)

    def questions(self, prompt: Prompt) -> Sequence[str]:
        """``a green bench?`` for every noun phrase."""
        require(prompt, ATTRIBUTES, self.name)
        return tuple(prompt.facts["questions"])

    def judge_evidence(self, prompt: Prompt, evidence: Evidence, threshold: float) -> Verdict:
        """Judge one image.

        Args:
            prompt: of the categories color, shape and texture.
            evidence: the answers to ``questions``.
            threshold: an image is ``correct`` where its answer is above it. The benchmark's score
                does not depend on it.

        Returns:
            The facts are ``questions``, their number, and ``variant``.

        Raises:
            UserError: a prompt of another category, or a question without an answer.
        """
        asked = self.questions(prompt)
        given = answers_to(asked, evidence)
        answer = product(given)
        shown = ", ".join(f"{q} {a:.2f}" for q, a in zip(asked, given, strict=True))
        return Verdict(
            correct=answer > threshold,
            score=answer,
            reason=f"expected {prompt.text}; {shown or 'no noun phrase to ask about'}",
            facts={"questions": len(asked), "variant": judging.OFFICIAL},
        )


def answers_to(asked: Sequence[str], evidence: Evidence) -> list[float]:
    """The answers to these questions. Raises UserError where one was not asked."""
    answers = evidence.answers
    missing = [question for question in asked if question not in answers]
    if missing:
        raise UserError(
            f"there is no answer to {missing[0]!r} about image {evidence.key[0]}/{evidence.index}: "
            "ask the judge again with 'spatialbench detect RUN --judge NAME'."
        )
    return [answers[question] for question in asked]


def product(answers: Sequence[float]) -> float:
    """The answer of an image: 0 to 1, four decimals; 1 for no question at all."""
    result = np.float32(1.0)
    for answer in answers:
        result *= np.float32(f"{answer:.4f}")
    return float(f"{result:.4f}")


def questions_of(category: str, number: int, text: str) -> tuple[str, ...]:
    """What is asked about the images of an official prompt.

    The noun phrases are those of spaCy 3.8.7 with en_core_web_sm 3.8.0, by their places in the
    text; other versions find others in 13 to 31 of 300 prompts.

    Args:
        number: of the prompt's line in its file, from 0.
    """
    places = _noun_phrases()[category][number]
    pairs = zip(places[::2], places[1::2], strict=True)
    return tuple(f"{text[start:end]}?" for start, end in pairs)[:MOST_QUESTIONS]


@cache
def _noun_phrases() -> dict[str, list[list[int]]]:
    """By category and line: beginning and end of each noun phrase, in characters."""
    content = files(__package__).joinpath("noun_phrases.json").read_text("utf-8")
    found: dict[str, list[list[int]]] = json.loads(content)
    return found


OFFICIAL: Rule = OfficialAttributeRule()
