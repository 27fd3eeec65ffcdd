"""Which summary a run keeps when what is judged is of fewer images than before."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from spatialbench.api.run import Run as ScoredInPython
from spatialbench.errors import UserError, typed
from spatialbench.executors.local import LocalExecutor
from spatialbench.reports.scored import load_scored
from spatialbench.runs.opening import Run
from spatialbench.runs.selection import Selection
from spatialbench.scoring.judging import Judging
from spatialbench.scoring.other_rules import summaries_of_other_rules
from spatialbench.scoring.score import score
from spatialbench.stages.detect import detect
from spatialbench.stages.whole import run_all
from tests.stages.fakes import Finder, FirstBoxRule, Log, open_shapes, work

A, B = "finder@w1", "second@1"
SCORED = ("summary.json", "scores.parquet")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A whole run by one detector, and another detector that has looked at 4 of 12 prompts."""
    run_all(open_shapes(tmp_path), work(), Log())
    few = open_shapes(tmp_path, selection=Selection(4))
    assert few.is_part
    detect(few, Finder(word=B), 4, LocalExecutor(), Log())
    return open_shapes(tmp_path)


def files(run: Run) -> list[bytes]:
    return [(run.path / name).read_bytes() for name in SCORED]


def test_fewer_images_are_printed_and_the_larger_summary_stays(run: Run) -> None:
    before, log = files(run), Log()
    part = score(run, log, detector=B)
    assert (part.detector, part.images, part.partial, part.written) == (B, 8, True, False)
    assert files(run) == before
    (told,) = log.notices
    assert f"this table is of 8 of 24 images and only printed; the summary of {run.path}" in told
    assert f"of 24 images by {A}, is kept" in told
    assert f"For the rest of the images give the 'detect' command of {B} again; to have" in told
    assert f"'{typed('score', run.path, '--detector', B, '--replace')}'." in told
    other = "lab-templates@1"  # of a plug-in that its signature names
    detect(
        open_shapes(run.path, selection=Selection(1)), Finder(word=other), 4, LocalExecutor(), log
    )
    score(run, log, detector=other)
    again = f"'{typed('detect', run.path, '--detector', other)}'"
    assert f"For the rest of the images type {again}; to have" in log.notices.pop()
    with pytest.raises(UserError, match="is of more images than these"):
        ScoredInPython(run, part).frame()
    # Once it has looked at the rest nothing is smaller, and the table is the run's own.
    detect(run, Finder(word=B), 4, LocalExecutor(), Log())
    whole = score(run, log, detector=B)
    assert whole.written
    assert load_scored(run).result == whole
    assert log.notices == [told]


@pytest.mark.parametrize(
    "judging",
    [
        Judging(FirstBoxRule("strict/2", 0.2)),
        Judging(FirstBoxRule(), 0.35),
        Judging(FirstBoxRule()),
    ],
)
def test_by_any_rule_and_threshold(run: Run, judging: Judging) -> None:
    before, log = files(run), Log()
    assert not score(run, log, judging, detector=B).written
    assert files(run) == before
    assert summaries_of_other_rules(run.path) == []
    (told,) = log.notices
    assert ("--threshold 0.35 --replace'." in told) is (judging.given is not None)
    assert told.endswith("--replace' with the same --rule.") is (judging.name == "strict/2")


def test_who_wants_the_smaller_one_says_so(run: Run) -> None:
    log = Log()
    part = score(run, log, detector=B, replace=True)
    assert part.written
    assert load_scored(run).result == part
    assert log.notices == [
        "this table takes the place of a whole one of 24 images; the command that made that one "
        "makes it again, from the images that are there."
    ]
    whole = score(run, log, detector=A)
    assert (whole.images, whole.partial, len(log.notices)) == (24, False, 1)


def test_lost_records_are_not_in_the_table(run: Run) -> None:
    """The same detector, and fewer of its records than were judged: the table is of those."""
    journal = run.directory.detection_journal(A).path
    journal.write_text("".join(journal.read_text().splitlines(keepends=True)[:10]))
    log = Log()
    part = score(run, log, detector=A)
    assert (part.images, part.partial, part.written) == (10, True, True)
    assert load_scored(run).result == part
    assert log.notices[-1].startswith("this table takes the place of a whole one of 24 images;")


def test_a_summary_without_its_verdicts_keeps_nobody_out(run: Run) -> None:
    """What cannot be read, compared or gated any more is replaced by what can."""
    for damage in (run.directory.scores, run.directory.summary):
        whole = score(run, Log(), detector=A)
        assert whole.written
        damage.write_bytes(b"PAR1")
        part = score(run, Log(), detector=B)
        assert part.written
        assert load_scored(run).result == part


def test_a_growing_run_is_written_as_before(tmp_path: Path) -> None:
    """A larger selection of which as many images as before are there: the run's own from now on."""
    log = Log()
    run_all(open_shapes(tmp_path, selection=Selection(4)), work(), log)
    grown = score(open_shapes(tmp_path), log)
    assert (grown.images, grown.images_expected, grown.written) == (8, 24, True)
    assert log.notices[-1].startswith("this table takes the place of a whole one of 8 images;")
    count = len(log.notices)
    run_all(open_shapes(tmp_path), work(), log)
    assert load_scored(open_shapes(tmp_path)).result.images == 24
    assert len(log.notices) == count, "nothing whole gave way"


def test_other_prompts_that_take_the_place_are_told(tmp_path: Path) -> None:
    log = Log()
    few = Selection(3, images_per_prompt=1)
    run_all(open_shapes(tmp_path, selection=few), work(), log)
    assert log.notices == []
    run_all(open_shapes(tmp_path, selection=Selection(only=("left",))), work(), log)
    assert log.notices == [
        "this table takes the place of a whole one of 3 images; the command that made that one "
        "makes it again, from the images that are there."
    ]
    kept = replace(few, limit=2)
    assert not score(open_shapes(tmp_path, selection=kept), log).written
    assert "of 2 images and only printed" in log.notices[-1]
