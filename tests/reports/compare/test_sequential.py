"""A comparison in looks: where it stops, what it says before that, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from spatialbench.errors import UserError
from spatialbench.prompts import Prompt
from spatialbench.reports.compare.sequential import sequential
from spatialbench.reports.scored import ScoredRun

from ...stages.fakes import Shapes
from ..scored_runs import scored_run

WORLD = Shapes(count=120)


def _run(folder: Path, wrong: int, **how: Any) -> ScoredRun:
    """Of 100 prompt numbers so many are wrong."""

    def right(prompt: Prompt, index: int) -> bool:
        return (37 * int(prompt.id)) % 100 >= wrong

    return scored_run(folder, right, **{"benchmark": WORLD, **how})


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> ScoredRun:
    return _run(tmp_path_factory.mktemp("looks") / "reference", 30)


def test_a_clear_difference_stops_early_and_stays_so(reference: ScoredRun, tmp_path: Path) -> None:
    part = sequential(reference, _run(tmp_path / "part", 80, limit=50))
    whole = sequential(reference, _run(tmp_path / "whole", 80))
    for found in (part, whole):
        assert (found.metric, len(found.seen), found.found) == ("right", 2, True)
        assert found.plan == [24, 48, 72, 96, 120]
        assert found.saved == 2 * (120 - 48)
    assert part.sentence() == (
        "a difference was found at look 2 of 5, with 96 of 240 images: 144 images need not be made"
    )
    last = part.seen[-1]
    assert last.second - last.first == pytest.approx(last.look.differences["right"].value)
    document = json.loads(part.report().text("json"))
    assert [look["prompts"] for look in document["looks"]] == [24, 48]
    assert (document["decided"], document["found"], document["saved"]) == (True, True, 144)
    assert "144 images need not be made" in part.report().text("table")


def test_without_a_difference_all_looks_are_made(reference: ScoredRun, tmp_path: Path) -> None:
    found = sequential(reference, _run(tmp_path / "same", 31))
    assert (len(found.seen), found.found, found.decided, found.saved) == (5, False, True, 0)
    part = sequential(reference, _run(tmp_path / "part", 31, limit=30))
    assert (len(part.seen), part.decided) == (1, False)
    assert part.sentence().endswith(
        "the next one is at 48 prompts (96 images); go on with --limit 48"
    )
    none = sequential(reference, _run(tmp_path / "none", 31, limit=3))
    assert none.sentence().startswith("no look yet: the next one is at 24 prompts")


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"seeds": "hashed"}, "needs the same seeds"),
        (
            {"detector": "finder@w2"},
            "needs the same conditions in both runs: detector is finder@w2",
        ),
        ({"benchmark": Shapes(count=200)}, "more images than planned make no valid test"),
    ],
)
def test_what_makes_it_invalid_is_refused(
    reference: ScoredRun, tmp_path: Path, how: dict[str, Any], said: str
) -> None:
    with pytest.raises(UserError, match=said):
        sequential(reference, _run(tmp_path / "other", 30, **how))


def test_the_reference_is_finished_and_the_metric_known(
    reference: ScoredRun, tmp_path: Path
) -> None:
    first = WORLD.prompts("all")[0].id
    torn = _run(tmp_path / "torn", 30, missing={(first, 0)})
    with pytest.raises(UserError, match="its prompts are the plan: finish it first"):
        sequential(torn, reference)
    with pytest.raises(UserError, match="unknown metric 'rihgt'"):
        sequential(reference, reference, "rihgt")
