"""Status: how far a run is and what to type next, read from disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from spatialbench.errors import typed
from spatialbench.executors.local import LocalExecutor
from spatialbench.plugins import ImageRequest
from spatialbench.plugins.requirements import Requirement
from spatialbench.runs.opening import RunSpec
from spatialbench.runs.selection import Selection
from spatialbench.runs.status import explain, status
from spatialbench.scoring.score import score
from spatialbench.stages.detect import detect
from spatialbench.stages.generate import generate
from tests.stages.fakes import Finder, FirstBoxRule, Log, Painter, Shapes, open_shapes, snapshot


def test_every_step_of_a_run(tmp_path: Path) -> None:
    run = open_shapes(tmp_path)
    state = status(run)
    assert (state.images, state.images_expected, state.detections) == (0, 24, {})
    assert state.partial
    assert state.next == "give again: the command that began the run"

    generate(run, Painter(), 4, LocalExecutor(), Log())
    state = status(run)
    assert state.images == 24
    assert state.next == typed("detect", tmp_path)

    detect(run, Finder(), 4, LocalExecutor(), Log())
    state = status(run)
    assert state.detections == {"finder@w1": 24}
    assert (state.scored, state.partial) == (None, True)
    assert state.next == typed("score", tmp_path)

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


def test_a_partial_look_goes_on_with_the_same_detector(tmp_path: Path) -> None:
    run = open_shapes(tmp_path, selection=Selection(limit=3))
    generate(run, Painter(), 4, LocalExecutor(), Log())
    detect(run, Finder(), 4, LocalExecutor(), Log())
    word = "owlvit-base-patch32@cbc355f"
    whole = open_shapes(tmp_path)
    generate(whole, Painter(), 4, LocalExecutor(), Log())
    # Whose weights nobody here knows, so that its name alone would not do.
    assert status(whole).next.startswith("give the 'detect' command of finder@w1 again")
    part = open_shapes(tmp_path, selection=Selection(limit=5))
    detect(part, Finder(word=word), 4, LocalExecutor(), Log())
    whole = open_shapes(tmp_path)
    assert status(whole).next == typed("detect", tmp_path, "--detector", word)


@dataclass
class Demanding(FirstBoxRule):
    """A rule that needs a file in the run."""

    def requirements(self, requests: Sequence[ImageRequest], run: Path) -> list[Requirement]:
        there = (run / "map").exists()
        return [Requirement("a map", None if there else "there is no map: draw one.")]


def test_a_rule_that_lacks_something_is_not_advised_before_it(tmp_path: Path) -> None:
    benchmark = Shapes()
    benchmark.rules = {"demanding": Demanding()}
    run = open_shapes(tmp_path, benchmark)
    generate(run, Painter(), 4, LocalExecutor(), Log())
    detect(run, Finder(), 4, LocalExecutor(), Log())
    score = typed("score", tmp_path)
    assert status(run).next == f"there is no map: draw one. Then: {score}"
    (tmp_path / "map").touch()
    assert status(run).next == score


def test_explain(tmp_path: Path) -> None:
    run = open_shapes(tmp_path)
    assert explain(run, RunSpec(Shapes(), "all", Painter()).identity) == []
    assert explain(run, RunSpec(Shapes(), "all", Painter(steps=3)).identity) == [
        "generator.parameters.steps: 20 -> 3"
    ]
