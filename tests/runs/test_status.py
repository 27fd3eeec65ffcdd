"""Status: how far a run is and what to type next, read from disk."""

from __future__ import annotations

from pathlib import Path

from spatialbench.executors.local import LocalExecutor
from spatialbench.runs.opening import RunSpec
from spatialbench.runs.status import explain, status
from spatialbench.stages.detect import detect
from spatialbench.stages.generate import generate
from spatialbench.stages.score import score
from tests.stages.fakes import Finder, Log, Painter, Shapes, open_shapes, snapshot


def test_every_step_of_a_run(tmp_path: Path) -> None:
    run = open_shapes(tmp_path)
    state = status(run)
    assert (state.images, state.images_expected, state.detections) == (0, 24, {})
    assert state.partial
    assert state.next == "give again: the command that began the run"

    generate(run, Painter(), 4, LocalExecutor(), Log())
    state = status(run)
    assert state.images == 24
    assert state.next == f"spatialbench detect {tmp_path}"

    detect(run, Finder(), 4, LocalExecutor(), Log())
    state = status(run)
    assert state.detections == {"finder@w1": 24}
    assert (state.scored, state.partial) == (None, True)
    assert state.next == f"spatialbench score {tmp_path}"

    score(run, Log())
    before = snapshot(tmp_path)
    state = status(run)
    assert (state.scored, state.scored_expected, state.partial) == (24, 24, False)
    assert state.next == "nothing is left to do"
    assert snapshot(tmp_path) == before

    run.directory.image_path("3", 0).unlink()
    state = status(run)
    assert (state.images, state.partial) == (23, True)
    assert "3/0" in state.notices[0]


def test_explain(tmp_path: Path) -> None:
    run = open_shapes(tmp_path)
    assert explain(run, RunSpec(Shapes(), "all", Painter()).identity) == []
    assert explain(run, RunSpec(Shapes(), "all", Painter(steps=3)).identity) == [
        "generator.parameters.steps: 20 -> 3"
    ]
