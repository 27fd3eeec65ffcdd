"""A gate that holds the reference's verdicts: what a pair sees, how early, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spatialbench.errors import UserError
from spatialbench.prompts import Prompt
from spatialbench.reports.gate.decision import Answer, Decision, decide
from spatialbench.reports.gate.file import GateFile, gate_from
from spatialbench.reports.gate.paired import PairedTest
from spatialbench.reports.gate.report import decision_report, sentences
from spatialbench.reports.scored import ScoredRun

from ...stages.fakes import Shapes
from ..scored_runs import scored_run

WORLD = Shapes(count=120)


def _right(prompt: Prompt, index: int) -> bool:
    return int(prompt.id) % 3 > 0


def _run(folder: Path, worse: int = 0, better: int = 0, **how: Any) -> ScoredRun:
    """As the reference, but of 100 prompt numbers so many are wrong, or right, in this run."""

    def right(prompt: Prompt, index: int) -> bool:
        place = (37 * int(prompt.id)) % 100
        return (_right(prompt, index) or place >= 100 - better) and place >= worse

    return scored_run(folder, right, benchmark=WORLD, **how)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> ScoredRun:
    return _run(tmp_path_factory.mktemp("gate") / "reference")


@pytest.fixture(scope="module")
def gate(reference: ScoredRun) -> GateFile:
    return GateFile.model_validate(json.loads(gate_from(reference, 3, None, 0.95).text()))


def _test(decision: Decision) -> PairedTest:
    assert isinstance(decision.test, PairedTest)
    return decision.test


def test_verdicts_come_back_as_they_were(reference: ScoredRun, gate: GateFile) -> None:
    assert gate.verdicts is not None
    assert gate.verdicts.metric == "right"
    # What the metric is made of, and no other fact.
    assert list(gate.verdicts.columns) == ["correct", "score"]
    table = gate.verdicts.table(reference.table.prompts, 2)
    for name in gate.verdicts.columns:
        np.testing.assert_array_equal(table.columns[name], reference.table.columns[name])
    assert table.columns["correct"].dtype == bool


def test_a_loss_inside_the_window_is_seen(
    gate: GateFile, reference: ScoredRun, tmp_path: Path
) -> None:
    """Ten points of ten prompts: too few images for a window of 15, plenty for their pairs."""
    wide = gate_from(reference, 9, None, 0.95)
    bad = _run(tmp_path / "bad", worse=9)
    blind = wide.model_copy(update={"verdicts": None})
    assert decide(bad, blind).answer is Answer.PASS
    decision = decide(bad, wide)
    (check,) = decision.checks
    assert (check.answer, check.answer.status) == (Answer.REGRESSION, 1)
    assert check.reason == "worse than the reference on the same images"
    test = _test(decision)
    wrong = sum(_right(p, 0) and (37 * int(p.id)) % 100 < 9 for p in WORLD.prompts("all"))
    assert (test.gained, test.lost, test.images) == (0, 2 * wrong, 240)
    assert check.change is not None
    assert check.change.difference.value == pytest.approx(-100 * wrong / 120)
    assert f"{2 * wrong} of 240 images changed (0 became right" in sentences(decision)[0]
    document = json.loads(decision_report(decision).text("json"))
    assert document["test"]["kind"] == "paired"
    assert document["checks"][0]["change"]["change"] == pytest.approx(-100 * wrong / 120)


def test_a_certain_loss_that_the_window_allows_passes(reference: ScoredRun, tmp_path: Path) -> None:
    wide = gate_from(reference, 30, None, 0.95)
    decision = decide(_run(tmp_path / "bad", worse=12), wide)
    (check,) = decision.checks
    assert check.answer is Answer.PASS
    assert check.reason == "a loss, but less than the window allows"


def test_a_gain_is_the_windows_business(reference: ScoredRun, tmp_path: Path) -> None:
    gain = _run(tmp_path / "gain", better=20)
    assert decide(gain, gate_from(reference, 10, None, 0.95)).answer is Answer.PASS
    assert decide(gain, gate_from(reference, 1, None, 0.95)).answer is not Answer.REGRESSION


def test_why_a_test_is_not_paired(gate: GateFile, reference: ScoredRun, tmp_path: Path) -> None:
    old = decide(reference, gate.model_copy(update={"verdicts": None, "gate_version": 3}))
    assert old.answer is Answer.PASS
    assert "windows alone" in sentences(old)[0]
    other = decide(_run(tmp_path / "other", seeds="hashed"), gate)
    assert (other.answer, other.test) == (
        Answer.CANNOT_TELL,
        "the seeds are hashed, and those of the gate are protocol",
    )
    assert gate.verdicts is not None
    mixed = gate.verdicts.model_copy(update={"prompts_sha256": "0" * 64})
    unlike = decide(reference, gate.model_copy(update={"verdicts": mixed}))
    assert "other prompts" in str(unlike.test)
    # Another rule's metrics may be made of facts that these verdicts lack.
    signature = str(replace(gate.measured, rule="other/1"))
    lacking = gate.verdicts.model_copy(update={"columns": {"correct": "bits:"}})
    of_other = gate.model_copy(update={"signature": signature, "verdicts": lacking})
    judged = decide(reference, of_other)
    assert judged.answer is Answer.CANNOT_TELL
    assert judged.test == "the run was judged by first-box/1, and the gate's by other/1"


@pytest.mark.parametrize("text", ["bits:!", "bits:eJwDAAAAAAE=", "letters:eJwDAAAAAAE=", "bits"])
def test_damaged_verdicts_are_refused(gate: GateFile, reference: ScoredRun, text: str) -> None:
    assert gate.verdicts is not None
    columns = {**gate.verdicts.columns, "correct": text}
    broken = gate.verdicts.model_copy(update={"columns": columns})
    with pytest.raises(UserError, match="verdicts are damaged"):
        decide(reference, gate.model_copy(update={"verdicts": broken}))


def test_a_column_that_was_lost_is_refused(gate: GateFile, reference: ScoredRun) -> None:
    assert gate.verdicts is not None
    for lost in gate.verdicts.columns:
        left = {name: text for name, text in gate.verdicts.columns.items() if name != lost}
        broken = gate.verdicts.model_copy(update={"columns": left})
        with pytest.raises(UserError, match=f"verdicts are damaged .column '{lost}'"):
            decide(reference, gate.model_copy(update={"verdicts": broken}))


def test_a_large_loss_is_known_early(gate: GateFile, tmp_path: Path) -> None:
    """The answer is the same whether or not the images after it were made."""
    early = decide(_run(tmp_path / "part", worse=60, limit=48), gate, sequential=True)
    whole = decide(_run(tmp_path / "whole", worse=60), gate, sequential=True)
    for decision in (early, whole):
        test = _test(decision)
        assert (decision.answer, test.look, test.images) == (Answer.REGRESSION, 2, 96)
    assert "decided at look 2 of 5, with 96 of 240 images: 144 need not be made" in "\n".join(
        sentences(early)
    )
    # Without --sequential the smaller run is another selection.
    assert decide(early.scored, gate).answer is Answer.CANNOT_TELL


def test_before_the_answer_it_says_how_to_go_on(gate: GateFile, tmp_path: Path) -> None:
    decision = decide(_run(tmp_path / "part", limit=30), gate, sequential=True)
    assert decision.answer is Answer.CANNOT_TELL
    assert _test(decision).look == 1
    assert "go on with --limit 48" in decision.obstacles[0]
    none = decide(_run(tmp_path / "few", limit=5), gate, sequential=True)
    assert none.obstacles[0].startswith("no look yet: the next one is at 24 prompts")


def test_an_unfinished_run_is_looked_at_as_far_as_it_is_whole(
    gate: GateFile, tmp_path: Path
) -> None:
    first = WORLD.prompts("all")[0].id
    torn = _run(tmp_path / "torn", worse=60, missing={(first, 1)})
    assert decide(torn, gate).answer is Answer.CANNOT_TELL
    place = [p.id for p in torn.run.expected.prompts].index(first)
    found = decide(torn, gate, sequential=True)
    assert _test(found).look == (2 if place >= 48 else 1 if place >= 24 else 0)


def test_unchanged_images_pass_early_where_the_window_is_wide(
    reference: ScoredRun, tmp_path: Path
) -> None:
    decision = decide(reference, gate_from(reference, 12, None, 0.95), sequential=True)
    test = _test(decision)
    assert decision.answer is Answer.PASS
    assert 0 < test.look < 5
    # A single window: the whole of the false alarms is for it.
    assert sum(test.alarms) == pytest.approx(0.05)
    assert test.alarms[1] == 0


def test_what_makes_looking_early_invalid_is_refused(gate: GateFile, tmp_path: Path) -> None:
    bad = _run(tmp_path / "bad", worse=60)
    few = gate_from(_run(tmp_path / "few", limit=60), 3, None, 0.95)
    beyond = decide(bad, few, sequential=True)
    assert beyond.answer is Answer.CANNOT_TELL
    assert "more images than planned make no valid test" in beyond.obstacles[-1]
    other = decide(_run(tmp_path / "other", worse=60, seeds="hashed"), gate, sequential=True)
    assert other.answer is Answer.CANNOT_TELL
    blind = decide(bad, gate.model_copy(update={"verdicts": None}), sequential=True)
    assert any("no sequential test" in one for one in blind.obstacles)
