"""A metric of which smaller is better, everywhere that numbers are ranked or held to others."""

from __future__ import annotations

import json
from math import inf
from pathlib import Path

import pytest

from spatialbench.errors import UserError
from spatialbench.plugins import Metric, ScoreTable, share
from spatialbench.reports.compare.comparison import ALL, compare
from spatialbench.reports.compare.report import comparison_report
from spatialbench.reports.competition import Candidate, best_of
from spatialbench.reports.gate.decision import Answer, decide
from spatialbench.reports.gate.file import GateFile, gate_from, read_gate
from spatialbench.reports.gate.junit import junit
from spatialbench.reports.gate.report import decision_report
from spatialbench.reports.leaderboard import leaderboard
from spatialbench.reports.planning import lessons
from spatialbench.reports.rows import Row
from spatialbench.reports.scored import ScoredRun
from spatialbench.reports.single import summary_report
from spatialbench.statistics.ratios import MeanOfRatios, Ratio

from ..stages.fakes import Shapes
from .scored_runs import scored_run


def _wrong(table: ScoreTable) -> MeanOfRatios:
    return MeanOfRatios((Ratio(table.sums() - table.sums("score"), table.sums()),))


class Strangers(Shapes):
    """A benchmark with an error beside a share; the two always add up to 100."""

    metrics = (
        share("right", "right images", "score"),
        Metric("error", "wrong images", _wrong, larger_is_better=False),
    )


def _run(folder: Path, tenths: int) -> ScoredRun:
    benchmark = Strangers(count=60)
    right = lambda prompt, index: int(prompt.id) % 10 < tenths  # noqa: E731
    return scored_run(folder, right, benchmark=benchmark, method=f"m{tenths}")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[int, ScoredRun]:
    """Runs by how many tenths of their images are right."""
    folder = tmp_path_factory.mktemp("runs")
    return {tenths: _run(folder / str(tenths), tenths) for tenths in (3, 6, 9)}


def test_the_smallest_is_the_best_and_what_overlaps_it() -> None:
    column = [Candidate(30, 25, 35), Candidate(10, 6, 14), Candidate(15, 13, 19), Candidate(2)]
    assert best_of([*column[:3], Candidate(2, eligible=False)], larger_is_better=False) == {1, 2}
    assert best_of(column, larger_is_better=False) == {3}
    assert best_of(column) == {0}


def test_the_row_of_the_smallest_error_is_bold(runs: dict[int, ScoredRun]) -> None:
    rows = [Row(str(tenths), run.result) for tenths, run in runs.items()]
    report = leaderboard("shapes", rows, [], Strangers.metrics)
    (table,) = report.tables
    assert table.columns[3:5] == ["right", "error"]
    assert table.bold == {(2, 3), (2, 4)}
    assert "error: smaller is better" in table.notes
    assert json.loads(report.text("json"))["rows"][0]["metrics"] == {"right": 30.0, "error": 70.0}
    assert "error: smaller is better" in summary_report(rows[0].result, Strangers()).text("table")


def by_windows(gate: GateFile, version: int) -> GateFile:
    """The file without the reference's verdicts, as it was before it held them."""
    assert gate.gate_version == 4
    return gate.model_copy(update={"verdicts": None, "gate_version": version})


@pytest.mark.parametrize(
    ("tenths", "right", "error", "side"),
    [
        (3, Answer.REGRESSION, Answer.REGRESSION, "above"),
        (6, Answer.PASS, Answer.PASS, ""),
        (9, Answer.ABOVE_THE_WINDOW, Answer.BELOW_THE_WINDOW, "below"),
    ],
)
def test_both_sides_of_a_window(
    runs: dict[int, ScoredRun], tenths: int, right: Answer, error: Answer, side: str
) -> None:
    gate = by_windows(gate_from(runs[6], 3, None, 0.95), version=2)
    decision = decide(runs[tenths], gate)
    checks = {check.metric: check for check in decision.checks}
    assert (checks["right"].answer, checks["error"].answer) == (right, error)
    assert checks["error"].reason.startswith(side)
    assert decision.answer.status == (0 if tenths == 6 else 1)
    assert error.value.replace("_", "-").encode() in junit(decision) or tenths == 6
    assert error.value in decision_report(decision).text("csv")


@pytest.mark.parametrize(("tenths", "answer"), [(3, Answer.REGRESSION), (9, Answer.PASS)])
def test_a_one_sided_window_lets_every_gain_pass(
    runs: dict[int, ScoredRun], tenths: int, answer: Answer, tmp_path: Path
) -> None:
    path = tmp_path / "gate.json"
    path.write_text(by_windows(gate_from(runs[6], 3, 5, 0.95, one_sided=True), version=3).text())
    gate = read_gate(path)
    window = gate.metrics["error"]
    assert (window.low, window.high, str(window)) == (-inf, 43.0, "at most 43.00")
    assert (gate.gate_version, gate.metrics["right"].edges) == (3, "lower")
    decision = decide(runs[tenths], gate)
    assert {check.answer for check in decision.checks if check.group == "all"} == {answer}
    checks = json.loads(decision_report(decision).text("json"))["checks"]
    windows = {check["metric"]: check["window"] for check in checks if check["group"] == "all"}
    assert windows == {"right": [57.0, None], "error": [None, 43.0]}
    path.write_text(path.read_text().replace('"gate_version": 3', '"gate_version": 2'))
    with pytest.raises(UserError, match='no upper edge alone: write "gate_version": 3 there'):
        read_gate(path)


def test_a_window_with_an_upper_edge_knows_that_it_is_narrow(runs: dict[int, ScoredRun]) -> None:
    window = gate_from(runs[6], 3, None, 0.95, one_sided=True).metrics["error"]
    assert window.is_narrower(40, 39.9, 43.1)
    assert not window.is_narrower(40, 10, 42.9)


def test_a_comparison_says_which_way_is_better(runs: dict[int, ScoredRun]) -> None:
    (found,) = compare(runs[3], [runs[9]], resamples=200)
    changes = found.groups[ALL]
    up, down = changes["right"].difference, changes["error"].difference
    assert (up.value, down.value) == pytest.approx((60, -60))
    assert (down.low, down.high) == pytest.approx((-up.high, -up.low))
    assert down.p == up.p
    assert (found.gained, found.lost) == (72, 0)
    text = comparison_report([found], flips=0).text("table")
    assert "error: smaller is better" in text
    assert "72 images became right, 0 became wrong" in text


def test_a_plan_needs_as_many_prompts_for_an_error_as_for_its_share(
    runs: dict[int, ScoredRun],
) -> None:
    (comparison,) = compare(runs[3], [runs[6]], resamples=200)
    for second in (None, comparison):
        right, error = lessons(runs[3], second, 2.0)
        assert (right.metric, error.metric) == ("right", "error")
        assert error.prompts == pytest.approx(right.prompts, abs=1)
        assert error.unpaired == pytest.approx(right.unpaired)
        assert error.effect == pytest.approx(right.effect)
