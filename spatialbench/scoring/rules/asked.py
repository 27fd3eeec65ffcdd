"""Rules that ask a judge something about every image, and take the mean of what it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ...errors import UserError
from ...plugins import Benchmark, Evidence, Metric, Rule, RulePlugin, Verdict, share
from ...plugins.evidence import ANSWERS
from ...plugins.judge import Question
from ...prompts import Prompt

Asks = Callable[[Prompt], Sequence[Question]]


@dataclass(frozen=True, slots=True)
class AskedRule(Rule):
    """The mean of a judge's answers; right where each of them is above the threshold.

    Attributes:
        asks: what a judge is asked about the images of a prompt.
    """

    needs = (ANSWERS,)
    name: str
    asks: Asks
    threshold: float = 0.5

    def questions(self, prompt: Prompt) -> Sequence[str]:
        """What is asked, as text."""
        return [str(question) for question in self.asks(prompt)]

    def judge_evidence(self, prompt: Prompt, evidence: Evidence, threshold: float) -> Verdict:
        """Judge one image. The fact ``questions`` is their number.

        Raises:
            UserError: a question without an answer.
        """
        asked = self.questions(prompt)
        if missing := [question for question in asked if question not in evidence.answers]:
            raise UserError(
                f"there is no answer to {missing[0]!r} about image {prompt.id}/{evidence.index}: "
                "ask the judge again with 'spatialbench detect RUN --judge NAME --rule RULE'."
            )
        answers = [float(evidence.answers[question]) for question in asked]
        least = min(range(len(asked)), key=answers.__getitem__)
        mean = sum(answers) / len(answers)
        reason = f"expected {prompt.text}; mean {mean:.2f} of {len(asked)} answer(s)"
        if len(asked) > 1:
            reason += f", least {answers[least]:.2f}: {asked[least]}"
        return Verdict(answers[least] > threshold, mean, reason, {"questions": len(asked)})


@dataclass(frozen=True, slots=True)
class AskedPlugin(RulePlugin):
    """An entry point of ``spatialbench.rules``: what is asked, and the one metric."""

    name: str
    summary: str
    metrics: Sequence[Metric]
    asks: Asks
    remark: str = ""
    judges: str = "any benchmark"

    def build(
        self, benchmark: Benchmark, subset: str | None, options: Mapping[str, float]
    ) -> AskedRule:
        """See ``RulePlugin.build``."""
        return AskedRule(self.full_name, self.asks)


def whole_prompt(words: str) -> Asks:
    """One question about the whole prompt, which says itself how to answer; ``{text}`` in it."""
    return lambda prompt: [Question(words.replace("{text}", prompt.text), as_it_is=True)]


VQASCORE = AskedPlugin(
    "vqascore",
    "VQAScore: a judge's probability that the image shows its prompt",
    (share("VQAScore", "mean probability that the image shows its prompt", "score"),),
    whole_prompt('Does this figure show "{text}"? Please answer yes or no.'),
    "asks as VQAScore's authors do (linzhiqiu/t2v_metrics); it adds up the spellings of yes, where "
    "their code takes the token Yes of CLIP-FlanT5: compare it only with the same judge",
)
