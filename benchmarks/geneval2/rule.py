"""The rule of GenEval 2: how likely is every expected answer?"""

from __future__ import annotations

from collections.abc import Sequence

from spatialbench.errors import UserError
from spatialbench.plugins import Rule, Verdict
from spatialbench.plugins.evidence import ANSWERS, Evidence
from spatialbench.prompts import Prompt

from .prompts import questions_of
from .soft_tifa import arithmetic, geometric, pooled


class SoftTifaRule(Rule):
    """The geometric mean of the probabilities of the expected answers.

    Source: ``evaluation.py`` of facebookresearch/GenEval2 @ a6e82d2, ``soft_tifa_gm`` and
    ``soft_tifa_am``.
    """

    name = "geneval2-soft-tifa/1"
    threshold = 0.5
    needs = (ANSWERS,)

    def questions(self, prompt: Prompt) -> Sequence[str]:
        """Every question of the prompt, with the expected answer where it is not yes."""
        return questions_of(prompt)

    def judge_evidence(self, prompt: Prompt, evidence: Evidence, threshold: float) -> Verdict:
        """Judge one image.

        Args:
            evidence: the answers to ``questions``.
            threshold: an image is ``correct`` where its geometric mean is above it. The benchmark's
                scores do not depend on it.

        Raises:
            UserError: a prompt without questions, or a question without an answer.
        """
        asked, answers = self.questions(prompt), evidence.answers
        missing = [question for question in asked if question not in answers]
        if missing:
            raise UserError(
                f"there is no answer to {missing[0]!r} about image {prompt.id}/{evidence.index}: "
                "ask the judge again with 'spatialbench detect RUN --judge NAME'."
            )
        return verdict(prompt, [answers[question] for question in asked], threshold)


def verdict(prompt: Prompt, answers: Sequence[float], threshold: float) -> Verdict:
    """The verdict on an image.

    Args:
        answers: one per question of the prompt, from 0 to 1.

    Returns:
        The score is the geometric mean. The facts are ``mean`` (arithmetic), ``questions`` (their
        number), and for each skill ``p_<skill>`` and ``asked_<skill>``: the sum of its answers, and
        how many they are.
    """
    asked = questions_of(prompt)
    score = geometric(answers)
    least = min(range(len(asked)), key=answers.__getitem__)
    facts: dict[str, bool | int | float] = {"mean": arithmetic(answers), "questions": len(asked)}
    for skill, (total, number) in pooled(answers, prompt.facts["skills"]).items():
        facts |= {f"p_{skill}": total, f"asked_{skill}": number}
    return Verdict(
        correct=score > threshold,
        score=score,
        reason=(
            f"expected {prompt.text}; geometric mean {score:.2f} of {len(asked)} answers, least "
            f"{answers[least]:.2f}: {asked[least]}"
        ),
        facts=facts,
    )


OFFICIAL = SoftTifaRule()
