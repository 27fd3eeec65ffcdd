"""A rule that judges by a judge's answers: both squares have to be there."""

from __future__ import annotations

from collections.abc import Sequence

from spatialbench.plugins import Evidence, Rule, Verdict
from spatialbench.prompts import Prompt


class AskedRule(Rule):
    name = "squares-asked/1"
    threshold = 0.5
    needs = ("answers",)

    def questions(self, prompt: Prompt) -> Sequence[str]:
        return [f"is there a {name}?" for name in prompt.objects]

    def judge_evidence(self, prompt: Prompt, evidence: Evidence, threshold: float) -> Verdict:
        answers = [evidence.answers[question] for question in self.questions(prompt)]
        both = min(answers) > threshold
        said = ", ".join(f"{answer:.2f}" for answer in answers)
        return Verdict(both, min(answers), f"expected both squares; answers {said}", {"both": both})
