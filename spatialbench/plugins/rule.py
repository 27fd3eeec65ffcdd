"""Rules: from what was found in an image to a verdict on it."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UserError
from .evidence import BOXES, DEPTH, FOUND_WITH_BOXES, OF_JUDGES, SIMILARITY, Evidence, Source
from .requirements import Requirement, required

if TYPE_CHECKING:
    from ..detections import Detections
    from ..prompts import Prompt
    from .method import ImageRequest


DEPTH_MAPS = "depth maps"
"""What a rule is said to need where it needs depth."""


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
            above the threshold, ``conf_x`` the score (0 to 1) of its best box; ``duplicates`` how
            many boxes are above what is asked for, in place of what the ``n_x`` say of it.
    """

    correct: bool
    score: float
    reason: str
    facts: Mapping[str, bool | int | float] = field(default_factory=dict)


class Rule(ABC):
    """A named, versioned rule: what was seen of an image in, verdict out.

    One of ``judge`` and ``judge_evidence`` is to be written: the first sees boxes alone.
    """

    name: str
    """With its version, such as ``visor-centroid/1``."""
    threshold: float
    """Score a box must exceed, unless the user gives another; of an answer likewise."""
    needs: tuple[str, ...] = (BOXES,)
    """The kinds of evidence it judges by; see ``spatialbench.plugins.evidence``."""
    threshold_option: str | None = None
    """The option that sets the threshold of prompts which have one of their own."""

    def judge(self, prompt: Prompt, detections: Detections, threshold: float) -> Verdict:
        """Judge one image by its boxes.

        Args:
            prompt: what was asked for.
            detections: boxes in pixels, y down, above the store's floor.
            threshold: a box counts where its score is above this.

        Raises:
            UserError: a prompt of a kind that the rule does not judge.
        """
        seen = Evidence(prompt, sources=lambda kind: self.source(kind, None), boxes=detections)
        return self.judge_evidence(prompt, seen, threshold)

    def judge_evidence(self, prompt: Prompt, evidence: Evidence, threshold: float) -> Verdict:
        """Judge one image by all that was seen of it, of the kinds in ``needs``.

        Raises:
            UserError: as ``judge``; or evidence that is missing or cannot be read.
        """
        return self.judge(prompt, evidence.boxes, threshold)

    def needs_of(self, prompt: Prompt) -> Sequence[str]:
        """Which of ``needs`` the images of a prompt are judged by; by default all."""
        return self.needs

    def questions(self, prompt: Prompt) -> Sequence[str]:
        """What a judge is asked about the images of a prompt, for a rule that needs answers."""
        return ()

    def texts(self, prompt: Prompt) -> Sequence[str]:
        """What a judge compares the images of a prompt with, for a rule that needs similarity."""
        return ()

    def asked(self, prompt: Prompt, kind: str) -> Sequence[str]:
        """What a judge that gives this kind of evidence is asked about the images of a prompt."""
        return self.texts(prompt) if kind == SIMILARITY else self.questions(prompt)

    def source(self, kind: str, run: Path | None) -> Source | None:
        """Where a kind of evidence lies that no detector and no judge of the run gives.

        Args:
            run: the folder of the run; None for results from elsewhere.

        Raises:
            UserError: nobody made it yet; says what to type.
        """
        return None

    def depth_model(self, given: str | None = None) -> str | None:
        """The model that makes the depth maps of a run for it, such as ``depth-anything``.

        By default the given one. None where the rule takes the maps that are there.

        Args:
            given: by ``--depth``, perhaps with its weights; None for nothing.

        Raises:
            UserError: a model whose maps the rule does not take.
        """
        return given

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

    def requirements(self, requests: Sequence[ImageRequest], run: Path) -> Sequence[Requirement]:
        """What it lacks to judge these images; by default the evidence of its sources."""
        found = []
        for kind in self.needs:
            if kind in (*FOUND_WITH_BOXES, *OF_JUDGES):
                continue
            if wanted := [one for one in requests if kind in self.needs_of(one.prompt)]:
                what = DEPTH_MAPS if kind == DEPTH else kind
                found.append(required(what, partial(self._require, kind, wanted, run)))
        return found

    def _require(self, kind: str, requests: Sequence[ImageRequest], run: Path) -> None:
        source = self.source(kind, run)
        if source is None:
            raise UserError(f"{self.name} needs {kind} of every image, and does not find any.")
        source.require(requests)
