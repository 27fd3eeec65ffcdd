"""``geneval-official/1``: GenEval's conditions on the objects that were kept."""

from __future__ import annotations

from spatialbench.detections import Detections
from spatialbench.plugins import Verdict
from spatialbench.prompts import Prompt

from .evaluation import Evaluation, evaluate
from .own_thresholds import (
    KeptBoxesRule,
    beyond_asked,
    colours_of,
    included,
    kept_of_asked,
    metadata_of,
    what_was_seen,
)


class GenEvalRule(KeptBoxesRule):
    """The official rule."""

    plain_name = "geneval-official/1"

    def judge(self, prompt: Prompt, detections: Detections, threshold: float) -> Verdict:
        """Judge one image.

        Args:
            prompt: a GenEval prompt.
            detections: boxes in pixels, y down, labelled with COCO's names or GenEval's. Prompts
                that name a colour need ``colors`` of the boxes they look at.
            threshold: of all tasks but counting, whose own stays 0.9 unless ``for_prompts`` bound
                it; exceeded in float32.

        Returns:
            ``score`` 1.0 or 0.0; where the image is wrong ``reason`` is the official one. The
            facts are ``found_all`` (every included object in its number), ``kept`` (boxes of
            the prompt's classes that count) and ``duplicates`` (those beyond the asked number).

        Raises:
            UserError: a colour that is asked for and was not looked at.
        """
        result = self.evaluate(prompt, detections, threshold)
        include = included(metadata_of(prompt))
        enough = (n >= w["count"] for n, w in zip(result.counts, include, strict=True))
        return Verdict(
            correct=result.correct,
            score=1.0 if result.correct else 0.0,
            reason=result.reason or what_was_seen(prompt, result.objects),
            facts={
                "found_all": all(enough),
                "kept": kept_of_asked(prompt, result.objects),
                "duplicates": beyond_asked(prompt, result.objects),
            },
        )

    def evaluate(self, prompt: Prompt, detections: Detections, threshold: float) -> Evaluation:
        """What the official script says of an image, kept boxes included. See ``judge``."""
        return evaluate(
            self._kept(prompt, detections, threshold),
            metadata_of(prompt),
            colours_of(prompt, detections),
            self._with(threshold),
        )
