"""The rules for two objects in the plane: official, corrected, and InfSplign's copy."""

from __future__ import annotations

from dataclasses import dataclass, replace

from spatialbench.detections import Detections
from spatialbench.plugins import Rule, Verdict
from spatialbench.prompts import Prompt

from . import judging
from .answers import HALF, combine
from .finding import Finder, first_equal, last_part
from .frame import framed
from .judging import SPATIAL_PART, THRESHOLD, WHOLE, as_official, pair_verdict, require
from .position import position_score
from .synonyms import first_meaning
from .three_in_one import Branch


@dataclass(slots=True)
class PlaneRule(Rule):
    """Two objects found by label, a quarter of each confidence, half for the position.

    Source of the official one: ``UniDet_eval/2D_spatial_eval.py`` of Karine-Huang/T2I-CompBench
    @ 1b70949.

    Attributes:
        find: which detection stands for a word.
        on_top_has_a_rule: whether ``on top of`` means ``on the top of``; in the official scorer it
            has no rule, so the position scores 0.
    """

    name: str
    find: Finder
    on_top_has_a_rule: bool
    variant: int
    threshold: float = THRESHOLD

    def judge(self, prompt: Prompt, detections: Detections, threshold: float) -> Verdict:
        """Judge one image; see ``judging.pair_verdict`` for the facts.

        Args:
            prompt: a prompt of the category 2d or complex, or of the whole category complex.
            detections: best score first, as the detector gives them. Boxes are brought to the
                479-pixel frame of the official scorer first.
            threshold: a box counts if its float32 score is strictly above float32(threshold).

        A prompt of the whole category complex that is about no relation alone is left out of the
        numbers.

        Raises:
            UserError: a prompt of another category, or an image at which the official scorer
                stops (both boxes without area).
        """
        require(prompt, ("2d", SPATIAL_PART, WHOLE), self.name)
        verdict = self.judge_part(prompt, detections, threshold)
        if prompt.facts["category"] != WHOLE or prompt.facts["branch"] is Branch.SPATIAL:
            return verdict
        why = f"not judged: {self.name} says nothing of attributes and actions"
        return replace(verdict, correct=False, score=0.0, reason=why)

    def judge_part(self, prompt: Prompt, detections: Detections, threshold: float) -> Verdict:
        """The same of the two words that the scorer finds in any prompt of these categories."""
        found = detections.above(threshold)
        words = prompt.facts["words"] or ()
        indices = [self.find(found.labels, word) for word in words]
        there = [i for i in indices if i is not None]
        position = 0.0
        if len(there) == 2:
            position = as_official(
                lambda: position_score(
                    self._locality(prompt), framed(found, there[0]), framed(found, there[1])
                ),
                prompt,
                None,
            )
        answer = combine([float(found.scores[i]) for i in there], position, floor=HALF)
        return pair_verdict(
            prompt, found, indices or (None, None), position, answer, threshold, self.variant
        )

    def takes(self, label: str, word: str) -> bool:
        """Whether a box of that label can stand for the word."""
        return self.find((label,), word) is not None

    def _locality(self, prompt: Prompt) -> str | None:
        locality: str | None = prompt.facts["locality"]
        if self.on_top_has_a_rule and locality == "on top of":
            return "on the top of"
        return locality


OFFICIAL = PlaneRule("t2i-2d-official/1", first_equal, False, judging.OFFICIAL)
CORRECTED: Rule = PlaneRule("t2i-2d-corrected/1", first_meaning, True, judging.CORRECTED)
INFSPLIGN: Rule = PlaneRule("t2i-2d-infsplign/1", last_part, False, judging.INFSPLIGN)
