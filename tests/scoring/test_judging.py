"""A judging: whose threshold counts, which evidence a rule gets, and whose fault a failure is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spatialbench.detections import Detections
from spatialbench.errors import UserError
from spatialbench.plugins import Evidence, ImageRequest, Rule, Source, Verdict
from spatialbench.plugins.evidence import NoEvidence
from spatialbench.plugins.members import checked
from spatialbench.plugins.records import AnswerRecord, BoxRecord
from spatialbench.prompts import Prompt
from spatialbench.scoring.judging import Judging
from tests.stages.fakes import FirstBoxRule, make_prompts

PROMPT = make_prompts(1)[0]
AT = {"prompt_id": "0", "index": 1, "image_sha256": "ab", "width": 8, "height": 8}
FOUND = BoxRecord(AT | {"boxes": [[2, 0, 4, 4]], "scores": [0.5], "labels": ["circle"]})


def test_the_threshold_is_the_users_then_the_detectors_then_the_rules() -> None:
    rule = FirstBoxRule(threshold=0.1)
    assert Judging(rule).threshold == 0.1
    assert Judging(rule).of_prompts([PROMPT], 0.05).threshold == 0.05
    assert Judging(rule, 0.3).of_prompts([PROMPT], 0.05).threshold == 0.3
    assert Judging(rule, 0.0).of_prompts([PROMPT], 0.05).threshold == 0.0
    assert [Judging(rule).at(t).verdict(PROMPT, FOUND).correct for t in (0.4, 0.6)] == [True, False]


@pytest.mark.parametrize("threshold", [-0.1, -1e-9, 1.0000001, 1.5, float("nan")])
def test_a_threshold_is_a_detection_score(threshold: float) -> None:
    with pytest.raises(UserError, match="is not a detection score: give a number from 0 to 1"):
        Judging(FirstBoxRule(threshold=0.1), threshold)
    assert [Judging(FirstBoxRule(threshold=0.1), t).threshold for t in (0.0, 1.0)] == [0.0, 1.0]


class Heights(Source):
    """A depth map as high as the image is wide, and a note of who asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int, str | None]] = []

    def read(self, evidence: Evidence) -> Any:
        record = evidence.record
        self.asked.append((*evidence.key, record.image_sha256 if record else None))
        return np.full((8, 8), evidence.boxes.width / 16, dtype=np.float32)

    def state(self) -> str:
        return "heights of today"

    def require(self, requests: Sequence[ImageRequest]) -> None:
        raise UserError(f"no map of {len(requests)} images")


class Deep(Rule):
    name, threshold, needs = "deep/1", 0.1, ("boxes", "depth")

    def __init__(self) -> None:
        self._heights = Heights()

    def needs_of(self, prompt: Prompt) -> Sequence[str]:
        return self.needs if prompt.task == "left" else ("boxes",)

    def source(self, kind: str, run: Path | None) -> Source | None:
        return self._heights if kind == "depth" else None

    def judge_evidence(self, prompt: Prompt, evidence: Evidence, threshold: float) -> Verdict:
        near = float(evidence.depth.mean() + evidence.depth.mean())
        return Verdict(near > 0.9, near, f"{near}; masks {evidence.masks}", {})


def test_evidence_is_found_by_kind_and_read_once(tmp_path: Path) -> None:
    rule = Deep()
    judging = Judging(rule)
    assert judging.verdict(PROMPT, FOUND).reason == "1.0; masks None"
    assert rule._heights.asked == [("0", 1, "ab")]
    left, right = make_prompts(2)
    assert judging.state([left, right]) == {"depth": "heights of today"}
    assert judging.state([right]) == {}
    assert judging.kinds([left, right]) == {"boxes", "depth"}
    # Only the images whose prompts need it.
    (lacking,) = rule.requirements([ImageRequest(p, 0, 0) for p in (left, right)], tmp_path)
    assert (lacking.what, lacking.missing) == ("depth maps", "no map of 1 images")
    assert not rule.requirements([ImageRequest(right, 0, 0)], tmp_path)
    # Without a record, as from Python.
    assert rule.judge(left, Detections.build([], [], [], 8, 8), 0.1).score == 1.0


def test_what_nobody_looked_for_is_said() -> None:
    bare = Evidence(PROMPT, 3)
    with pytest.raises(NoEvidence, match=r"no answers \(.*\) of image 0/3"):
        bare.answers  # noqa: B018
    with pytest.raises(NoEvidence, match="no boxes"):
        bare.boxes  # noqa: B018
    assert bare.masks is None


class Failing(FirstBoxRule):
    def judge(self, prompt: Prompt, detections: Detections, threshold: float) -> Verdict:
        known: dict[str, Verdict] = {}
        return known["left"]


class Vague(FirstBoxRule):
    def judge(self, prompt: Prompt, detections: Detections, threshold: float) -> Any:
        return True


def test_a_rule_that_fails_is_named() -> None:
    with pytest.raises(UserError, match=r"the rule first-box/1 fails with KeyError: 'left' \(.*py"):
        Judging(Failing()).verdict(PROMPT, FOUND)
    with pytest.raises(UserError, match="first-box/1 returned a bool: expected a Verdict"):
        Judging(Vague()).verdict(PROMPT, FOUND)


class Blank(Rule):
    name, threshold = "blank/1", 0.5


@pytest.mark.parametrize("needs", ["boxes", (), ("depth",), ("boxes", "smell")])
def test_needs_that_are_none_are_refused(needs: Any) -> None:
    rule = FirstBoxRule()
    rule.needs = needs
    with pytest.raises(
        UserError, match=r"my rule has needs = .* among them boxes, answers or similarity"
    ):
        checked(rule, Rule, "my rule")


def test_a_rule_without_a_judgement_is_refused() -> None:
    with pytest.raises(UserError, match="a method of its own, or judge_evidence as one"):
        checked(Blank(), Rule, "my rule")
    assert checked(Deep(), Rule, "my rule").name == "deep/1"


@pytest.mark.parametrize(
    "content",
    [
        {"questions": ["is it?"], "answers": [0.5, 0.5]},
        {"questions": ["is it?"], "answers": [1.01]},
        {"questions": ["is it?"], "answers": ["0.5"]},
        {"questions": "is it?", "answers": [0.5]},
        {"answers": [0.5]},
    ],
)
def test_a_damaged_record_of_answers_is_refused(content: dict[str, Any]) -> None:
    with pytest.raises(UserError):
        Judging(Deep()).verdict(PROMPT, AnswerRecord(AT | content))


def test_a_record_is_written_as_it_was_read() -> None:
    assert list(FOUND.to_json()) == [*AT, "boxes", "scores", "labels"]
    assert BoxRecord.from_json(FOUND.to_json()) == FOUND
    for wrong in ({"prompt_id": 1, "index": 0}, {"prompt_id": "1", "index": True}):
        with pytest.raises(TypeError, match="prompt_id must be text"):
            BoxRecord.from_json(wrong)
