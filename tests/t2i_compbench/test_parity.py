"""All cases of the official scorers, to the last bit, through the rules and their parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from spatialbench.benchmarks.t2i_compbench import count_rule, depth_rule, plane_rule
from spatialbench.benchmarks.t2i_compbench.depth_maps import nearness
from spatialbench.benchmarks.t2i_compbench.own_prompts import brought_prompt
from spatialbench.benchmarks.t2i_compbench.position import position_score, position_score_3d
from spatialbench.detections import Detections
from spatialbench.errors import UserError
from spatialbench.plugins import Rule

Case = dict[str, Any]
Cases = dict[str, list[Case]]
Record = Callable[[Case], dict[str, Any]]
Depth = Callable[[dict[str, int]], npt.NDArray[np.uint8]]

UNDECIDED = 1e-5
"""Means of depth that are closer differ by torch's order of summation only."""


def answer_of(rule: Rule, record: dict[str, Any], category: str, **more: Any) -> float | str:
    """The rule's answer, or the name of the official error that it reports."""
    try:
        prompt = brought_prompt(record, category)
        assert prompt is not None
        detections = Detections.from_record(record)
        return rule.judge(prompt, detections, rule.threshold, **more).score
    except UserError as error:
        names = ("ZeroDivisionError", "IndexError", "ValueError")
        return next(name for name in names if name in str(error))


def official_answer(case: Case) -> float | str:
    return case["official"].get("error", case["official"].get("answer"))


@pytest.mark.usefixtures("official_files")
@pytest.mark.parametrize(
    ("kind", "rule", "number"),
    [
        ("2d", plane_rule.OFFICIAL, 2000),
        ("complex", plane_rule.OFFICIAL, 1000),
        ("numeracy", count_rule.OFFICIAL, 2000),
    ],
)
def test_answers(
    parity_cases: Cases, as_record: Record, kind: str, rule: Rule, number: int
) -> None:
    cases = parity_cases[kind]
    assert len(cases) == number
    different = [
        case["case"]
        for case in cases
        if answer_of(rule, as_record(case), kind) != official_answer(case)
    ]
    assert different == []


def test_answers_3d(parity_cases: Cases, as_record: Record, depth_of: Depth) -> None:
    cases = parity_cases["3d"]
    assert len(cases) == 2000
    different, undecided = [], 0
    for case in cases:
        depth = depth_of(case["depth"]).astype(np.float32) / np.float32(255)
        looked_at: list[float] = []
        rule = depth_rule.DepthRule(
            "spy/1",
            depth_rule.OFFICIAL.find,
            lambda d, box, seen=looked_at: (
                seen.append(nearness(d, box, transposed=True)) or seen[-1]
            ),
            True,
        )
        ours = answer_of(rule, as_record(case), "3d", depth=depth)
        if ours != official_answer(case):
            close = looked_at and abs(looked_at[0] - looked_at[1]) < UNDECIDED
            undecided += bool(close)
            different += [] if close else [case["case"]]
        if ours != "ZeroDivisionError":
            # The spy changes nothing.
            shipped = answer_of(depth_rule.OFFICIAL, as_record(case), "3d", depth=depth)
            assert shipped == ours
    assert different == []
    assert undecided < 40


def test_position_scores(parity_cases: Cases) -> None:
    different = []
    for case in parity_cases["position2d"]:
        try:
            ours: float | str = position_score(case["locality"], case["box1"], case["box2"])
        except ZeroDivisionError:
            ours = "ZeroDivisionError"
        if ours != case["official"].get("error", case["official"].get("score")):
            different.append(case["case"])
    assert different == []
    assert len(parity_cases["position2d"]) == 2000


def test_position_scores_3d(parity_cases: Cases, depth_of: Depth) -> None:
    different, means, undecided = [], [], 0
    for case in parity_cases["position3d"]:
        depth = depth_of(case["depth"]).astype(np.float32) / np.float32(255)
        near = tuple(nearness(depth, case[box], transposed=True) for box in ("box1", "box2"))
        for ours_mean, official in zip(near, case["depth_means"], strict=True):
            if official is None:
                assert np.isnan(ours_mean)
            else:
                means.append(ours_mean - official)
        try:
            ours: float | str = position_score_3d(
                case["locality"], case["box1"], case["box2"], (near[0], near[1])
            )
        except ZeroDivisionError:
            ours = "ZeroDivisionError"
        if ours != case["official"].get("error", case["official"].get("score")):
            close = abs(near[0] - near[1]) < UNDECIDED
            undecided += close
            different += [] if close else [case["case"]]
    assert different == []
    assert len(parity_cases["position3d"]) == 2000
    assert undecided < 40
    assert np.abs(means).max() < 1e-5
