"""The rules for one object in front of another: official and corrected."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from spatialbench.detections import Detections
from spatialbench.errors import UserError
from spatialbench.plugins import Rule, Verdict
from spatialbench.plugins.evidence import BOXES, DEPTH, Evidence, Source
from spatialbench.prompts import Prompt

from .answers import combine
from .boxes import Box
from .depth_maps import (
    DEPTH_MODEL,
    FOLDER_VARIABLE,
    Depth,
    OfficialMaps,
    RunMaps,
    folder_named,
    nearness,
    nearness_inside,
)
from .finding import last_before_both
from .frame import framed
from .judging import CORRECTED as CORRECTED_VARIANT
from .judging import OFFICIAL as OFFICIAL_VARIANT
from .judging import THRESHOLD, as_official, pair_verdict, require
from .position import position_score_3d
from .synonyms import first_meaning


def _best_meaning(labels: Sequence[str], words: tuple[str, str]) -> list[int | None]:
    return [first_meaning(labels, word) for word in words]


def _transposed(depth: Depth, box: Box) -> float:
    return nearness(depth, box, transposed=True)


@dataclass(slots=True)
class DepthRule(Rule):
    """Two objects found by label, their overlap in the image and their order in depth.

    Source of the official one: ``UniDet_eval/3D_spatial_eval.py`` of Karine-Huang/T2I-CompBench
    @ 1b70949. It finds labels that merely contain the word, keeps the least confident of them, and
    cuts the depth map with x and y exchanged. The corrected one does none of that, and gives full
    marks at an IoU of exactly one half.
    """

    needs = (BOXES, DEPTH)
    name: str
    find: Callable[[Sequence[str], tuple[str, str]], list[int | None]]
    nearness: Callable[[Depth, Box], float]
    official: bool
    threshold: float = THRESHOLD

    def judge(
        self,
        prompt: Prompt,
        detections: Detections,
        threshold: float,
        depth: Depth | Callable[[], Depth] | None = None,
    ) -> Verdict:
        """Judge one image; see ``judging.pair_verdict`` for the facts.

        Args:
            prompt: a prompt of the category 3d.
            detections: best score first, as the detector gives them. Boxes are brought to the
                479-pixel frame first.
            threshold: a box counts if its float32 score is strictly above float32(threshold).
            depth: the image's inverse depth in the frame, or what reads it; it is used only
                where both objects were found.

        Raises:
            UserError: no depth map where one is needed, a prompt of another category, or an image
                at which the official scorer stops (both boxes without area).
        """
        require(prompt, ("3d",), self.name)
        found = detections.above(threshold)
        words = prompt.facts["words"]
        indices = self.find(found.labels, words)
        there = [i for i in indices if i is not None]
        position = 0.0
        if len(there) == 2:
            boxes = [framed(found, i) for i in there]
            values = self._map(prompt, depth)
            near = self.nearness(values, boxes[0]), self.nearness(values, boxes[1])
            position = as_official(
                lambda: position_score_3d(
                    prompt.facts["locality"], boxes[0], boxes[1], near, official=self.official
                ),
                prompt,
                None,
            )
        variant = OFFICIAL_VARIANT if self.official else CORRECTED_VARIANT
        answer = combine([float(found.scores[i]) for i in there], position)
        return pair_verdict(prompt, found, indices, position, answer, threshold, variant)

    def judge_evidence(self, prompt: Prompt, evidence: Evidence, threshold: float) -> Verdict:
        """The same by an image's evidence."""
        return self.judge(prompt, evidence.boxes, threshold, lambda: evidence.depth)

    def source(self, kind: str, run: Path | None) -> Source | None:
        """The depth maps of the run; or those of the folder that a variable names."""
        if kind != DEPTH:
            return None
        return OfficialMaps() if run is None or folder_named() else RunMaps(run)

    def depth_model(self, given: str | None = None) -> str | None:
        """DPT-hybrid, where no variable names a folder of maps.

        Raises:
            UserError: another model is given, or one besides that folder.
        """
        if given is None:
            return None if folder_named() else DEPTH_MODEL
        if given.partition(":")[0] != DEPTH_MODEL:
            raise UserError(
                f"{self.name} judges by the maps of {DEPTH_MODEL}: give --depth {DEPTH_MODEL} or "
                f"{DEPTH_MODEL}:WEIGHTS, or leave --depth out."
            )
        if folder_named():
            raise UserError(
                f"{FOLDER_VARIABLE} names a folder of depth maps, so none are made: unset it, or "
                "leave --depth out."
            )
        return given

    def takes(self, label: str, word: str) -> bool:
        """Whether a box of that label can stand for the word."""
        return self.find((label,), (word, word))[0] is not None

    def _map(self, prompt: Prompt, depth: Depth | Callable[[], Depth] | None) -> Depth:
        if depth is None:
            raise UserError(
                f"the rule {self.name} needs the depth map of every image, and there is none for "
                f"{prompt.text!r}: judge records with a folder of depth maps (see "
                "'spatialbench list rules' and the benchmark's README)."
            )
        return depth() if callable(depth) else depth


OFFICIAL: Rule = DepthRule("t2i-3d-official/1", last_before_both, _transposed, True)
CORRECTED: Rule = DepthRule("t2i-3d-corrected/1", _best_meaning, nearness_inside, False)
