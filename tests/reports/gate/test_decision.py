"""A gate passes what it was written from, fails a regression, and knows what it cannot tell."""

from __future__ import annotations

from math import inf, nextafter
from pathlib import Path
from typing import Any

import pytest

from spatialbench.errors import UserError
from spatialbench.prompts import Prompt
from spatialbench.reports.gate.decision import Answer, decide
from spatialbench.reports.gate.file import GateFile, Window, gate_from
from spatialbench.reports.scored import ScoredRun

from ..scored_runs import scored_run


def _good(prompt: Prompt, index: int) -> bool:
    return int(prompt.id) % 10 < 8


def _gate(run: ScoredRun, tolerance: float = 3, **changes: object) -> GateFile:
    gate = gate_from(run, tolerance, 5.0, 0.95)
    return GateFile.model_validate({**gate.model_dump(), **changes})


@pytest.fixture
def good(tmp_path: Path) -> ScoredRun:
    return scored_run(tmp_path / "good", _good)


def test_the_baseline_passes_its_own_gate(good: ScoredRun) -> None:
    decision = decide(good, _gate(good))
    assert decision.answer is Answer.PASS
    assert {check.group for check in decision.checks} == {"all", "above", "left", "right"}
    assert decision.obstacles == []
    # Plus or minus 3 points, where 60 prompts know the share to 7 or so.
    (note,) = decision.notes
    assert note.startswith("NARROW: 4 of 4 windows are narrower than the run's own interval")
    assert decide(good, _gate(good, 20, groups={})).notes == []


@pytest.mark.parametrize("share", [3, 10])
def test_both_sides_of_the_window_fail(good: ScoredRun, tmp_path: Path, share: int) -> None:
    other = scored_run(tmp_path / "other", lambda p, i: int(p.id) % 10 < share)
    decision = decide(other, _gate(good))
    answer, side = (
        (Answer.REGRESSION, "below") if share == 3 else (Answer.ABOVE_THE_WINDOW, "above")
    )
    assert (decision.answer, decision.answer.status) == (answer, 1)
    check = decision.checks[0]
    assert check.answer is answer
    assert check.reason == f"{side} the window with its whole interval"


@pytest.mark.parametrize(("share", "answer"), [(3, Answer.REGRESSION), (10, Answer.PASS)])
def test_a_window_with_a_lower_edge_lets_every_gain_pass(
    good: ScoredRun, tmp_path: Path, share: int, answer: Answer
) -> None:
    other = scored_run(tmp_path / "other", lambda p, i: int(p.id) % 10 < share)
    assert decide(other, gate_from(good, 3, 5.0, 0.95, one_sided=True)).answer is answer


def test_a_loss_beside_a_gain_is_a_regression_and_comes_first(
    good: ScoredRun, tmp_path: Path
) -> None:
    other = scored_run(tmp_path / "other", lambda p, i: p.task != "left")
    gate = gate_from(good, 3, 1.0, 0.95)
    window = {"no_such": gate.metrics["right"]}
    decision = decide(other, gate.model_copy(update={"metrics": window}))
    assert decision.answer is Answer.REGRESSION
    assert [(c.group, c.answer) for c in decision.checks] == [
        ("left", Answer.REGRESSION),
        ("above", Answer.ABOVE_THE_WINDOW),
        ("right", Answer.ABOVE_THE_WINDOW),
        ("all", Answer.CANNOT_TELL),
    ]
    assert "unknown metric of this run 'no_such'" in decision.checks[-1].reason


def test_an_obstacle_beside_a_regression_cannot_tell(good: ScoredRun, tmp_path: Path) -> None:
    """Numbers measured otherwise decide nothing, however bad they are."""
    bad = scored_run(tmp_path / "bad", lambda p, i: False, detector="finder@w2")
    decision = decide(bad, _gate(good))
    assert decision.checks[0].answer is Answer.REGRESSION
    assert (decision.answer, decision.answer.status) == (Answer.CANNOT_TELL, 2)


@pytest.mark.parametrize("side", ["below", "above"])
def test_an_interval_that_touches_the_window_cannot_tell(good: ScoredRun, side: str) -> None:
    """A window without width at the very end of the run's interval, and a hair beyond it."""
    low, high = good.result.intervals["right"]
    assert low is not None
    assert high is not None
    end, out, answer = (
        (low, nextafter(low, -inf), Answer.ABOVE_THE_WINDOW)
        if side == "below"
        else (high, nextafter(high, inf), Answer.REGRESSION)
    )
    gate = _gate(good, groups={})
    for value, expected in ((end, Answer.CANNOT_TELL), (out, answer)):
        window = Window(value=value, tolerance=0)
        (check,) = decide(good, gate.model_copy(update={"metrics": {"right": window}})).checks
        assert check.answer is expected


def test_a_sabotaged_method_fails(good: ScoredRun, tmp_path: Path) -> None:
    """Left and right exchanged: what was right there is wrong now, the other third is as it was."""

    def swapped(prompt: Prompt, index: int) -> bool:
        return _good(prompt, index) != (prompt.task in ("left", "right"))

    decision = decide(scored_run(tmp_path / "swapped", swapped), _gate(good))
    answers = {check.group: check.answer for check in decision.checks}
    assert answers == {
        "all": Answer.REGRESSION,
        "left": Answer.REGRESSION,
        "right": Answer.REGRESSION,
        "above": Answer.PASS,
    }
    assert decision.answer is Answer.REGRESSION


def test_an_interval_that_reaches_the_window_cannot_tell(good: ScoredRun, tmp_path: Path) -> None:
    """80 % was asked for, give or take half a point; 75 % of 60 prompts is compatible with it."""
    near = scored_run(tmp_path / "near", lambda p, i: int(p.id) % 20 < 15)
    decision = decide(near, _gate(good, 0.5, groups={}))
    assert decision.answer is Answer.CANNOT_TELL
    assert "more images would tell" in decision.checks[0].reason


def test_a_partial_run_cannot_tell(good: ScoredRun, tmp_path: Path) -> None:
    partial = scored_run(tmp_path / "partial", _good, missing={("3", 1)})
    decision = decide(partial, _gate(good, min_images=1))
    assert decision.answer is Answer.CANNOT_TELL
    assert "partial: 119 of 120" in decision.obstacles[0]
    with pytest.raises(UserError, match="complete it before"):
        gate_from(partial, 2, None, 0.95)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"detector": "finder@w2"}, "detector is finder@w2"),
        ({"seeds": "hashed"}, "seeds is hashed"),
        ({"limit": 30}, "prompts is 30"),
    ],
)
def test_another_signature_cannot_tell(
    good: ScoredRun, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    other = scored_run(tmp_path / "other", _good, **changes)
    decision = decide(other, _gate(good, min_images=1))
    assert decision.answer is Answer.CANNOT_TELL
    assert any(said in obstacle for obstacle in decision.obstacles)


def test_too_few_images_cannot_tell(good: ScoredRun) -> None:
    decision = decide(good, _gate(good, min_images=121))
    assert decision.answer is Answer.CANNOT_TELL
    assert "too few images: 120, the gate asks for 121" in decision.obstacles[0]


def test_another_method_is_noted_or_asked_for(good: ScoredRun, tmp_path: Path) -> None:
    other = scored_run(tmp_path / "other", _good, method="tuned")
    gate = _gate(good)
    assert decide(other, gate).answer is Answer.PASS
    assert any("method is tuned/2" in note for note in decide(other, gate).notes)
    strict = gate.model_copy(update={"also": ("method",)})
    assert decide(other, strict).answer is Answer.CANNOT_TELL


def test_a_metric_or_group_that_is_not_there_cannot_tell(good: ScoredRun) -> None:
    window = {"value": 50, "tolerance": 100}
    for changes in (
        {"metrics": {"undefined": window}},
        {"metrics": {"no_such_metric": window}},
        {"groups": {"below": {"right": window}}},
    ):
        assert decide(good, _gate(good, **changes)).answer is Answer.CANNOT_TELL


def test_a_window_has_two_sides() -> None:
    window = Window(value=50, tolerance=2.5)
    assert (window.low, window.high) == (47.5, 52.5)
