"""The detect stage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spatialbench.detections import Detections
from spatialbench.errors import UserError
from spatialbench.executors.local import LocalExecutor
from spatialbench.prompts import Key
from spatialbench.runs.opening import Run
from spatialbench.runs.selection import Selection
from spatialbench.runs.status import status
from spatialbench.scoring.score import score
from spatialbench.stages.detect import Detected, detect
from spatialbench.stages.generate import generate
from tests.stages.fakes import Finder, Log, Painter, Shapes, open_shapes, snapshot


def made(folder: Path, selection: Selection | None = None) -> Run:
    run = open_shapes(folder, Shapes(), selection=selection)
    generate(run, Painter(), 5, LocalExecutor(), Log())
    return run


def look(run: Run, finder: Finder | None = None, log: Log | None = None) -> Detected:
    return detect(run, finder or Finder(), 5, LocalExecutor(), log or Log())


def spoil(path: Path) -> None:
    """Other bytes, as many: only reading them tells."""
    content = bytearray(path.read_bytes())
    content[60:70] = bytes(10)
    path.write_bytes(content)


def test_records_hold_every_box_exactly(tmp_path: Path) -> None:
    run, log = made(tmp_path), Log()
    assert look(run, log=log) == Detected(24)
    assert log.begun == [("detect", 0, 24)]
    assert log.advanced == 24
    records = list(run.directory.detection_journal("finder@w1").records(log.notice))
    assert [(r["prompt_id"], r["index"]) for r in records] == run.expected.keys()
    assert list(records[0]) == [
        "prompt_id", "index", "image_sha256", "width", "height", "boxes", "scores", "labels",
    ]  # fmt: skip
    first_batch = run.expected.keys()[:5]
    images = [Image.open(run.directory.image_path(*key)) for key in first_batch]
    fresh = Finder().detect(images, [("circle", "square")] * 5)
    for record, found in zip(records, fresh, strict=False):
        stored = Detections.from_record(record)
        assert np.array_equal(stored.boxes, found.boxes)
        assert np.array_equal(stored.scores, found.scores)
        assert stored.labels == ("circle", "square")


def test_looking_again_does_nothing(tmp_path: Path) -> None:
    run = made(tmp_path)
    look(run)
    before, finder = snapshot(tmp_path), Finder()
    assert look(run, finder) == Detected(0)
    assert finder.loads == 0
    assert snapshot(tmp_path) == before


def test_two_detectors_stand_side_by_side(tmp_path: Path) -> None:
    run = made(tmp_path)
    look(run)
    look(run, Finder(weights="w2", word="org/finder@w2"))
    assert run.directory.detectors() == ["finder@w1", "org/finder@w2"]
    assert (tmp_path / "detections" / "org-finder@w2" / "detections.jsonl").is_file()


def test_another_detector_of_the_same_name_is_refused(tmp_path: Path) -> None:
    run = made(tmp_path)
    look(run)
    with pytest.raises(UserError, match=r'differs in identity\.weights: "w1" -> "w2"'):
        look(run, Finder(weights="w2"))


def test_an_unreadable_image_is_removed_and_said_and_the_others_keep_their_bits(
    tmp_path: Path,
) -> None:
    whole = made(tmp_path / "whole")
    look(whole)
    run, log = made(tmp_path / "run"), Log()
    spoiled = run.expected.keys()[7]
    spoil(run.directory.image_path(*spoiled))
    assert look(run, log=log) == Detected(23, (spoiled,))
    assert f"{spoiled[0]}/{spoiled[1]}; 'spatialbench run' makes them again" in log.notices[0]
    assert not run.directory.image_path(*spoiled).exists()
    generate(run, Painter(), 5, LocalExecutor(), Log())
    assert look(run) == Detected(1)
    assert snapshot(tmp_path / "run") == snapshot(tmp_path / "whole")


def test_an_unfinished_run_is_looked_at_as_far_as_it_is(tmp_path: Path) -> None:
    look(made(tmp_path / "whole"))
    made(tmp_path / "run", Selection(5))
    run = open_shapes(tmp_path / "run")
    assert look(run) == Detected(10)
    generate(run, Painter(), 5, LocalExecutor(), Log())
    assert look(run) == Detected(14)
    assert snapshot(tmp_path / "run") == snapshot(tmp_path / "whole")


def test_nothing_to_look_at(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no finished image to look at"):
        look(open_shapes(tmp_path))
    assert not (tmp_path / "detections").exists()


def everything(folder: Path) -> dict[str, bytes | None]:
    """All files and folders of a run."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


@dataclass
class Refusing(Finder):
    """Fails while it loads, at the first batch, or at every batch."""

    at: str = "load"
    error: type[Exception] = UserError

    def load(self) -> None:
        if self.at == "load":
            raise self.error("no weights")

    def detect(
        self, images: Sequence[Image.Image], labels: Sequence[Sequence[str]]
    ) -> list[Detections]:
        raise self.error("it cannot look")


@pytest.mark.parametrize("at", ["load", "detect"])
@pytest.mark.parametrize("error", [UserError, ZeroDivisionError])
def test_a_detector_that_fails_leaves_the_run_as_it_found_it(
    tmp_path: Path, at: str, error: type[Exception]
) -> None:
    run = made(tmp_path)
    look(run)
    score(run, Log())
    before = everything(tmp_path)
    # The code of a plug-in that fails in load is a sentence that names it.
    with pytest.raises(error if at == "detect" else UserError):
        look(run, Refusing(word="other@w9", at=at, error=error))
    assert everything(tmp_path) == before
    assert score(run, Log()).detector == "finder@w1"


def test_a_painter_that_fails_leaves_the_run_as_it_found_it(tmp_path: Path) -> None:
    class Clumsy(Painter):
        def generate(self, requests: object) -> list[Image.Image]:
            raise ZeroDivisionError("no brush")

    run = made(tmp_path, Selection(5))
    run = open_shapes(tmp_path)
    before = everything(tmp_path)
    with pytest.raises(ZeroDivisionError):
        generate(run, Clumsy(), 5, LocalExecutor(), Log())
    assert everything(tmp_path) == before


def test_a_name_without_detections_is_no_detector(tmp_path: Path) -> None:
    """As 0.1 left it after a command that failed."""
    run = made(tmp_path)
    look(run)
    folder = tmp_path / "detections" / "owlvit@1234567"
    folder.mkdir()
    (folder / "detector.json").write_text('{"identity": {}, "signature": "owlvit@1234567"}')
    assert run.directory.detectors() == ["finder@w1"]
    assert score(run, Log()).images == 24
    assert list(status(run).detections) == ["finder@w1"]


@dataclass
class Fussy(Finder):
    """Notes the size of every batch, and fails at those that ``refuses`` names."""

    refuses: Callable[[Sequence[Image.Image]], bool] = lambda images: False
    calls: list[int] = field(default_factory=list)

    def detect(
        self, images: Sequence[Image.Image], labels: Sequence[Sequence[str]]
    ) -> list[Detections]:
        self.calls.append(len(images))
        if self.refuses(images):
            raise ZeroDivisionError("not this")
        return super().detect(images, labels)


def test_a_failure_is_looked_for_image_by_image(tmp_path: Path) -> None:
    """At one: it alone is left out, its place stays taken, and the others keep their boxes."""
    whole = made(tmp_path / "whole", Selection(5))
    look(whole)
    run, log = made(tmp_path / "run", Selection(5)), Log()
    victim = run.expected.keys()[2]
    with Image.open(run.directory.image_path(*victim)) as image:
        pixel = image.getpixel((0, 0))
    fussy = Fussy(refuses=lambda images: any(i.getpixel((0, 0)) == pixel for i in images))
    assert look(run, fussy, log) == Detected(9)
    assert fussy.calls == [5, 1, 1, 1, 1, 1, 5, 5]
    (notice,) = log.notices
    assert notice.startswith(f"detect gave up 1 image(s), {victim[0]}/{victim[1]}: ZeroDivision")

    def stored(run: Run) -> dict[Key, object]:
        records = run.directory.detection_journal("finder@w1").records(print)
        return {(record["prompt_id"], record["index"]): record for record in records}

    others = stored(whole)
    del others[victim]
    assert stored(run) == others


def test_a_failure_at_every_image_or_only_at_all_together_is_the_batchs(tmp_path: Path) -> None:
    run = made(tmp_path, Selection(5))
    singly = [5, 1, 1, 1, 1, 1]
    at_all = Fussy(refuses=lambda images: True)
    with pytest.raises(ZeroDivisionError, match="not this"):
        look(run, at_all)
    # Both batches, three times each.
    assert at_all.calls == singly * 6
    together = Fussy(refuses=lambda images: len(images) > 1)
    with pytest.raises(ZeroDivisionError, match="not this"):
        look(run, together)
    assert together.calls == singly * 6
    assert run.directory.detectors() == []


class Broken(Finder):
    def detect(
        self, images: Sequence[Image.Image], labels: Sequence[Sequence[str]]
    ) -> list[Detections]:
        nan = np.full((1, 4), np.nan, dtype=np.float32)
        return [Detections(nan, nan[0, :1], ("circle",), 16, 16) for _ in images]


def test_a_broken_detector_has_not_found_nothing(tmp_path: Path) -> None:
    run = made(tmp_path)
    with pytest.raises(UserError, match="the detector is broken"):
        look(run, Broken())
    assert list(run.directory.detection_journal("finder@w1").records(print)) == []


class Framed(Finder):
    """Reports in a frame of its own, under labels of its own."""

    own_labels = True

    def frame(self, width: int, height: int) -> tuple[int, int]:
        return 479, 479

    def detect(
        self, images: Sequence[Image.Image], labels: Sequence[Sequence[str]]
    ) -> list[Detections]:
        box = (10.0, 20.0, 470.0, 400.0)
        return [Detections.build([box], [0.9], ["scoreboard"], 479, 479) for _ in images]


def test_a_detector_may_report_in_its_own_frame_and_labels(tmp_path: Path) -> None:
    run = made(tmp_path)
    assert look(run, Framed()) == Detected(24)
    record = next(run.directory.detection_journal("finder@w1").records(lambda notice: None))
    assert (record["width"], record["height"]) == (479, 479)
    notes = score(run, Log()).notes
    assert any("24 of 24 boxes" in note and "scoreboard" in note for note in notes)

    class Elsewhere(Framed):
        def frame(self, width: int, height: int) -> tuple[int, int]:
            return width, height

    other = made(tmp_path / "other")
    with pytest.raises(UserError, match="479 x 479 pixels, and it has"):
        look(other, Elsewhere())
