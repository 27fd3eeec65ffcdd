"""The rule for complex prompts: their attributes, and their relation, their action or both.

Source: ``3_in_1_eval/3_in_1.py`` of Karine-Huang/T2I-CompBench @ 1b70949, and the three scripts
whose answers it joins, each about the same images.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from spatialbench.errors import UserError
from spatialbench.plugins import Rule, Verdict
from spatialbench.plugins.evidence import ANSWERS, BOXES, SIMILARITY, Evidence
from spatialbench.prompts import Prompt

from . import judging, plane_rule
from .attribute_rule import answers_to, product
from .judging import WHOLE, require
from .three_in_one import Branch, joined

_NEEDS: Mapping[Branch, tuple[str, ...]] = {
    Branch.SPATIAL: (BOXES, ANSWERS),
    Branch.ACTION: (ANSWERS, SIMILARITY),
    Branch.ALL: (BOXES, ANSWERS, SIMILARITY),
}


class OfficialComplexRule(Rule):
    """The mean of what is asked: BLIP-VQA's answer with UniDet's, with CLIP's cosine, or of all."""

    name = "t2i-complex-official/1"
    threshold = judging.THRESHOLD
    needs = (BOXES, ANSWERS, SIMILARITY)

    def needs_of(self, prompt: Prompt) -> Sequence[str]:
        """What the prompt's branch joins; boxes alone for one that has a spatial part alone."""
        if prompt.facts.get("category") != WHOLE:
            return (BOXES,)
        return _NEEDS[prompt.facts["branch"]]

    def questions(self, prompt: Prompt) -> Sequence[str]:
        """As the rule of attributes asks."""
        return tuple(prompt.facts.get("questions", ()))

    def texts(self, prompt: Prompt) -> Sequence[str]:
        """The prompt without its adjectives, where CLIP's cosine counts."""
        return (prompt.facts["caption"],) if SIMILARITY in self.needs_of(prompt) else ()

    def judge_evidence(self, prompt: Prompt, evidence: Evidence, threshold: float) -> Verdict:
        """Judge one image; ``correct`` is an answer above one half.

        Args:
            prompt: of the whole category complex. Of a prompt that a detections record brings only
                the spatial part is known; it is judged by the rule of relations.
            evidence: as ``needs_of`` says.
            threshold: a box counts if its float32 score is strictly above float32(threshold).

        Returns:
            The facts are ``attribute``, BLIP-VQA's part of the answer, ``parts``, how many parts
            were joined, and ``variant``.

        Raises:
            UserError: a prompt of another category, or evidence that is missing.
        """
        if prompt.facts.get("category") == judging.SPATIAL_PART:
            return plane_rule.OFFICIAL.judge(prompt, evidence.boxes, threshold)
        require(prompt, (WHOLE,), self.name)
        found = self.parts(prompt, evidence, threshold)
        lists = [np.array([found.get(name, np.nan)]) for name in ("attribute", "spatial", "action")]
        (answer,) = joined(prompt.facts["branch"], *lists).tolist()
        shown = ", ".join(f"{name} {value:.4f}" for name, value in found.items())
        return Verdict(
            correct=answer > 0.5,
            score=answer,
            reason=f"expected {prompt.text}; {shown}",
            facts={
                "attribute": found["attribute"],
                "parts": len(found),
                "variant": judging.OFFICIAL,
            },
        )

    def parts(self, prompt: Prompt, evidence: Evidence, threshold: float) -> dict[str, float]:
        """The answers that are joined, by ``attribute``, ``spatial`` and ``action``.

        Raises:
            UserError: as ``judge_evidence``.
        """
        needs = self.needs_of(prompt)
        found = {"attribute": product(answers_to(self.questions(prompt), evidence))}
        if BOXES in needs:
            seen = evidence.boxes
            found["spatial"] = plane_rule.OFFICIAL.judge_part(prompt, seen, threshold).score
        if SIMILARITY in needs:
            found["action"] = self._cosine(prompt, evidence)
        return found

    def _cosine(self, prompt: Prompt, evidence: Evidence) -> float:
        (text,) = self.texts(prompt)
        if text not in evidence.similarity:
            raise UserError(
                f"image {prompt.id}/{evidence.index} was not compared with {text!r}: have the "
                "judge look again with 'spatialbench detect RUN --judge NAME'."
            )
        return evidence.similarity[text]


OFFICIAL: Rule = OfficialComplexRule()
