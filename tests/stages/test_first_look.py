"""A detector that sees nothing is stopped before it is believed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from spatialbench.detections import Detections
from spatialbench.errors import UserError
from spatialbench.executors.local import LocalExecutor
from spatialbench.plugins.records import BoxRecord
from spatialbench.runs.opening import Run
from spatialbench.stages import first_look
from spatialbench.stages.detect import detect
from spatialbench.stages.first_look import FirstLook
from spatialbench.stages.generate import generate
from tests.stages.fakes import Finder, Log, Painter, Shapes, open_shapes


class Blind(Finder):
    """Finds nothing until it has looked at so many images."""

    def __init__(self, blind_for: int) -> None:
        super().__init__()
        self.blind_for = blind_for

    def detect(self, images: Any, labels: Any) -> list[Detections]:
        found = []
        for one, image in zip(super().detect(images, labels), images, strict=True):
            empty = Detections.build([], [], (), image.width, image.height)
            found.append(empty if self.blind_for > 0 else one)
            self.blind_for -= 1
        return found


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """24 images, and a patience of 10."""
    monkeypatch.setattr(first_look, "PATIENCE", 10)
    opened = open_shapes(tmp_path, Shapes())
    generate(opened, Painter(), 5, LocalExecutor(), Log())
    return opened


def look(run: Run, finder: Finder) -> list[dict[str, Any]]:
    detect(run, finder, 5, LocalExecutor(), Log())
    return list(run.directory.detection_journal(finder.signature()).records(Log().notice))


def test_a_blind_detector_stops_the_run_and_leaves_nothing_behind(run: Run) -> None:
    for _ in range(2):
        finder = Blind(99)
        with pytest.raises(UserError, match="finds nothing in any of the first 10 images"):
            look(run, finder)
        journal = run.directory.detection_journal(finder.signature())
        assert journal.keys(Log().notice) == set()


def test_empty_images_before_the_first_box_are_recorded(run: Run) -> None:
    records = look(run, Blind(7))
    assert [(r["prompt_id"], r["index"]) for r in records] == run.expected.keys()
    assert [bool(r["boxes"]) for r in records] == [False] * 7 + [True] * 17


def test_what_was_found_earlier_counts(run: Run) -> None:
    finder = Finder()
    look(run, finder)
    journal = run.directory.detection_journal(finder.signature())
    kept = journal.path.read_bytes().splitlines(keepends=True)[:2]
    journal.path.write_bytes(b"".join(kept))
    records = look(run, Blind(99))
    assert [bool(r["boxes"]) for r in records] == [True] * 2 + [False] * 22


def test_a_short_run_may_show_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_look, "PATIENCE", 25)
    assert [r["boxes"] for r in look(run, Blind(99))] == [[]] * 24


def test_records_leave_in_the_order_they_came() -> None:
    first = FirstLook("it", found_before=False)
    empty = [BoxRecord({"index": i, "boxes": []}) for i in range(3)]
    full = BoxRecord({"index": 3, "boxes": [[0, 0, 1, 1]]})
    assert first.admit(empty) == []
    assert first.admit([full]) == [*empty, full]
    assert first.admit(empty) == empty
    assert first.rest() == []
