"""The rule for actions and other relations that are not spatial: how alike image and prompt are.

Source: ``CLIPScore_eval/CLIP_similarity.py`` of Karine-Huang/T2I-CompBench @ 1b70949.
"""

from __future__ import annotations

from collections.abc import Sequence

from spatialbench.errors import UserError
from spatialbench.plugins import Rule, Verdict
from spatialbench.plugins.evidence import SIMILARITY, Evidence
from spatialbench.prompts import Prompt

from .judging import NON_SPATIAL, OFFICIAL, SIMILAR, require


class OfficialNonSpatialRule(Rule):
    """The cosine of image and prompt as it is: no factor, no floor."""

    name = "t2i-non-spatial-official/1"
    threshold = SIMILAR
    needs = (SIMILARITY,)

    def texts(self, prompt: Prompt) -> Sequence[str]:
        """The prompt, with its full stop."""
        require(prompt, (NON_SPATIAL,), self.name)
        return (prompt.text,)

    def judge_evidence(self, prompt: Prompt, evidence: Evidence, threshold: float) -> Verdict:
        """Judge one image.

        Args:
            prompt: of the category non-spatial.
            evidence: its similarity to ``texts``.
            threshold: an image is ``correct`` where its answer is above it. The benchmark's score
                does not depend on it.

        Returns:
            The score is the cosine, -1 to 1; the fact is ``variant``.

        Raises:
            UserError: a prompt of another category, or an image that was not compared with it.
        """
        (text,) = self.texts(prompt)
        if text not in evidence.similarity:
            raise UserError(
                f"image {prompt.id}/{evidence.index} was not compared with {text!r}: ask the judge "
                "again with 'spatialbench detect RUN --judge NAME'."
            )
        answer = evidence.similarity[text]
        return Verdict(
            correct=answer > threshold,
            score=answer,
            reason=f"expected {text} similarity {answer:.4f}",
            facts={"variant": OFFICIAL},
        )


OFFICIAL_RULE: Rule = OfficialNonSpatialRule()
