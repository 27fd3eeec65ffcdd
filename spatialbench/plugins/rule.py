"""Rules: from what was found in an image to a verdict on it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..detections import Detections
    from ..prompts import Prompt
    from .method import ImageRequest
    from .requirements import Requirement


@dataclass(frozen=True, slots=True)
class Verdict:
    """A rule's answer for one image.

    Attributes:
        correct: whether the image shows what the prompt asked for.
        score: the benchmark's own number for this image.
        reason: a sentence a person can read.
        facts: the columns the benchmark's metrics are made of, such as ``found_a``. Some names
            mean the same to every benchmark, and the price of a result is read from them: for an
            asked object x, ``found_x`` whether it was found, ``n_x`` how many boxes of it are
            above the threshold, ``conf_x`` the score (0 to 1) of its best box.
    """

    correct: bool
    score: float
    reason: str
    facts: Mapping[str, bool | int | float] = field(default_factory=dict)


class Rule(ABC):
    """A named, versioned rule: detections in, verdict out."""

    name: str
    """With its version, such as ``visor-centroid/1``."""
    threshold: float
    """Score a box must exceed, unless the user gives another."""
    threshold_option: str | None = None
    """The option that sets the threshold of prompts which have one of their own."""

    @abstractmethod
    def judge(self, prompt: Prompt, detections: Detections, threshold: float) -> Verdict:
        """Judge one image.

        Args:
            prompt: what was asked for.
            detections: boxes in pixels, y down, above the store's floor.
            threshold: a box counts where its score is above this.

        Raises:
            UserError: a prompt of a kind that the rule does not judge.
        """

    def judge_record(self, prompt: Prompt, record: Mapping[str, Any], threshold: float) -> Verdict:
        """Judge a stored record, which has been checked; it must agree with ``judge``.

        A rule overrides this to save building arrays, or to see more than boxes.
        """
        from ..detections import Detections

        return self.judge(prompt, Detections.from_record(record), threshold)

    def for_prompts(
        self, prompts: Sequence[Prompt], threshold: float | None, everywhere: bool = False
    ) -> Rule:
        """The rule as it judges these prompts, where some have a threshold of their own.

        What it returns judges at the threshold it is given; its ``name`` says what that does not.

        Args:
            prompts: all that are judged.
            threshold: None for the rule's own.
            everywhere: whether the threshold is in place of all of the rule's.
        """
        return self

    def decides_at(self, prompt: Prompt, threshold: float) -> float:
        """The score above which a box of this prompt's image counts."""
        return threshold

    def inputs(self) -> str | None:
        """What else than the detections decides the verdicts, as text that changes with it."""
        return None

    def requirements(self, requests: Sequence[ImageRequest], run: Path) -> Sequence[Requirement]:
        """What it needs to judge these images of the run in that folder; by default nothing."""
        return ()
