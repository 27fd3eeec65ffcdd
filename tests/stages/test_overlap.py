"""Looking at images while others are being made: the order of events, and the same bytes."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from spatialbench.detections import Detections
from spatialbench.errors import UserError
from spatialbench.executors.local import LocalExecutor
from spatialbench.plugins import ImageRequest, NoImage
from spatialbench.scoring.judging import Judging
from spatialbench.stages.arrivals import Later
from spatialbench.stages.whole import Work, run_all
from tests.stages.answering import Asker, AskingRule
from tests.stages.fakes import Finder, Log, Painter, Shapes, open_shapes, snapshot, work
from tests.stages.test_kill import finished

PATIENCE = 600
"""Seconds after which something that must happen counts as never happening."""


def made(folder: Path, asked: Work, *, count: int = 12, overlap: bool = True) -> Log:
    log = Log()
    run_all(open_shapes(folder, Shapes(count, 2)), replace(asked, overlap=overlap), log)
    return log


@pytest.fixture
def plain(tmp_path: Path) -> dict[str, bytes]:
    """What a run of the fakes comes to, one stage after the other."""
    made(tmp_path / "plain", work(), overlap=False)
    return snapshot(tmp_path / "plain")


@dataclass
class Events:
    """What happened, in order; ``reach`` waits for something."""

    seen: list[str] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def tell(self, event: str) -> None:
        with self.changed:
            self.seen.append(event)
            self.changed.notify_all()

    def reach(self, event: str) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: event in self.seen, PATIENCE), self.seen


@dataclass
class TellingPainter(Painter):
    """Makes its third batch only after the first was looked at."""

    events: Events = field(default_factory=Events)
    batches: int = 0

    def generate(self, requests: Sequence[ImageRequest]) -> list[Image.Image]:
        if self.batches == 2:
            self.events.reach("looked 0")
        images = super().generate(requests)
        self.events.tell(f"made {self.batches}")
        self.batches += 1
        return images


@dataclass
class TellingFinder(Finder):
    events: Events = field(default_factory=Events)
    batches: int = 0

    def load(self) -> None:
        self.events.tell("loaded")
        super().load()

    def detect(
        self, images: Sequence[Image.Image], labels: Sequence[Sequence[str]]
    ) -> list[Detections]:
        found = super().detect(images, labels)
        self.events.tell(f"looked {self.batches}")
        self.batches += 1
        return found


def test_images_are_looked_at_while_others_are_made(
    tmp_path: Path, plain: dict[str, bytes]
) -> None:
    events = Events()
    painter, finder = TellingPainter(events=events), TellingFinder(events=events)
    log = made(tmp_path / "run", work(painter, finder))
    seen = events.seen
    assert seen.index("loaded") < seen.index("made 0")
    assert seen.index("looked 0") < seen.index("made 2")
    assert [event for event in seen if event.startswith("looked")] == [
        f"looked {batch}" for batch in range(6)
    ]
    assert snapshot(tmp_path / "run") == plain
    assert log.begun[0] == ("generate", 0, 24)
    assert log.begun[-2:] == [("detect", 24, 24), ("score", 0, 24)]
    assert log.notices == []


class Both(AskingRule):
    """Needs boxes, too."""

    needs = ("boxes", "answers")


def test_a_detector_and_a_judge_beside_the_method(tmp_path: Path) -> None:
    rule = Both()
    for name, overlap in (("plain", False), ("run", True)):
        asked = Work(Painter(), Finder(), LocalExecutor(), 4, Judging(rule, 0.3), judges=[Asker()])
        made(tmp_path / name, asked, overlap=overlap)
    files = snapshot(tmp_path / "run")
    assert files == snapshot(tmp_path / "plain")
    assert {"answers/asker@w1/answers.jsonl", "detections/finder@w1/detections.jsonl"} <= set(files)


def test_a_run_that_was_begun_goes_on_with_the_same_bytes(
    tmp_path: Path, plain: dict[str, bytes]
) -> None:
    made(tmp_path / "run", work(), count=12)
    for name in ("images/3/1.png", "images/7/0.png"):
        (tmp_path / "run" / name).unlink()
    records = tmp_path / "run" / "detections" / "finder@w1" / "detections.jsonl"
    records.write_bytes(b"".join(records.read_bytes().splitlines(keepends=True)[:9]))
    log = made(tmp_path / "run", work())
    assert snapshot(tmp_path / "run") == plain
    assert log.begun[0] == ("generate", 22, 24)


@dataclass
class Crowded(Painter):
    """Has no room for more than one image while the finder is loaded."""

    finder: Finder | None = None
    asked: list[int] = field(default_factory=list)

    def generate(self, requests: Sequence[ImageRequest]) -> list[Image.Image]:
        self.asked.append(len(requests))
        if isinstance(self.finder, Heavy) and self.finder.there:
            raise RuntimeError("CUDA out of memory: images beside a detector")
        return super().generate(requests)


@dataclass
class Heavy(Finder):
    """Whether it is loaded can be seen, and where it runs out of memory chosen."""

    there: bool = False
    fails: str = ""

    def load(self) -> None:
        if self.fails == "load" and threading.current_thread() is not threading.main_thread():
            raise MemoryError
        self.there = True
        super().load()

    def unload(self) -> None:
        self.there = False

    def detect(
        self, images: Sequence[Image.Image], labels: Sequence[Sequence[str]]
    ) -> list[Detections]:
        if self.fails == "look" and threading.current_thread() is not threading.main_thread():
            raise RuntimeError("CUDA out of memory: a detector beside images")
        return super().detect(images, labels)


SAID = (
    "out of memory with the method and the detector finder@w1 side by side: the images are made "
    "first and looked at afterwards."
)


def test_a_method_without_room_lets_the_detector_go_and_makes_its_batch_whole(
    tmp_path: Path, plain: dict[str, bytes]
) -> None:
    finder = Heavy()
    painter = Crowded(finder=finder)
    log = made(tmp_path / "run", work(painter, finder))
    assert painter.asked == [4] * 7
    assert log.notices == [SAID]
    assert ("detect", 0, 24) in log.begun
    assert finder.loads == 2
    assert snapshot(tmp_path / "run") == plain


@pytest.mark.parametrize("where", ["load", "look"])
def test_a_detector_without_room_looks_afterwards(
    tmp_path: Path, plain: dict[str, bytes], where: str
) -> None:
    log = made(tmp_path / "run", work(finder=Heavy(fails=where)))
    assert log.notices == [SAID]
    assert ("detect", 0, 24) in log.begun
    assert snapshot(tmp_path / "run") == plain


@dataclass
class Waiting(Painter):
    """Makes its second batch only when the finder has ended."""

    ended: threading.Event = field(default_factory=threading.Event)
    batches: int = 0

    def generate(self, requests: Sequence[ImageRequest]) -> list[Image.Image]:
        if self.batches == 1:
            assert self.ended.wait(PATIENCE)
            for thread in threading.enumerate():
                if thread.name == "look":
                    thread.join(PATIENCE)
        self.batches += 1
        return super().generate(requests)


@dataclass
class Refusing(Finder):
    ended: threading.Event = field(default_factory=threading.Event)

    def detect(
        self, images: Sequence[Image.Image], labels: Sequence[Sequence[str]]
    ) -> list[Detections]:
        self.ended.set()
        raise UserError("the finder has no eyes")


def test_what_ends_the_detector_ends_the_command_early_and_nothing_is_lost(
    tmp_path: Path, plain: dict[str, bytes]
) -> None:
    ended = threading.Event()
    painter = Waiting(ended=ended)
    with pytest.raises(UserError, match="has no eyes"):
        made(tmp_path / "run", work(painter, Refusing(ended=ended)), count=60)
    assert painter.batches == 2
    assert not [one for one in threading.enumerate() if one.name == "look"]
    made(tmp_path / "again", work(), count=60, overlap=False)
    made(tmp_path / "run", work(), count=60)
    assert snapshot(tmp_path / "run") == snapshot(tmp_path / "again")


@dataclass
class Interrupted(Painter):
    batches: int = 0

    def generate(self, requests: Sequence[ImageRequest]) -> list[Image.Image]:
        self.batches += 1
        if self.batches == 3:
            raise KeyboardInterrupt
        return super().generate(requests)


def test_an_interruption_leaves_no_thread_behind(tmp_path: Path, plain: dict[str, bytes]) -> None:
    with pytest.raises(KeyboardInterrupt):
        made(tmp_path / "run", work(Interrupted()))
    assert not [one for one in threading.enumerate() if one.name == "look"]
    made(tmp_path / "run", work())
    assert snapshot(tmp_path / "run") == plain


@dataclass
class Picky(Painter):
    """Refuses some images; nobody waits for them."""

    def generate(self, requests: Sequence[ImageRequest]) -> list[Any]:
        images = super().generate(requests)
        return [
            NoImage("too round") if request.prompt.id in ("1", "2", "3") else image
            for request, image in zip(requests, images, strict=True)
        ]


def test_images_that_do_not_come_are_not_waited_for(tmp_path: Path) -> None:
    for name, overlap in (("plain", False), ("run", True)):
        asked = work(Picky())
        for _ in range(2):
            run = open_shapes(tmp_path / name, Shapes(12, 2))
            run_all(run, replace(asked, overlap=overlap), Log())
    plain, files = (
        {name: content for name, content in snapshot(tmp_path / one).items() if "quar" not in name}
        for one in ("plain", "run")
    )
    assert files == plain
    assert sum(name.startswith("images/") for name in files) == 18


class Gap:
    """A lock; something else happens as soon as it is free for the first time."""

    def __init__(self, happens: Callable[[], None]) -> None:
        self._happens = [happens]

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        if self._happens:
            self._happens.pop()()


def test_what_was_counted_before_it_is_shown_is_not_counted_again() -> None:
    log = Log()
    later = Later(log)
    later.begin("detect", 0, 8)
    setattr(later, "_lock", Gap(later.show))  # noqa: B010
    later.advance(4)
    later.advance(2)
    assert (log.begun, log.advanced) == ([("detect", 4, 8)], 2)


@dataclass
class Ceasing(Painter):
    """Makes so many batches, and never ends with the next."""

    most: int = 0
    batches: int = 0

    def generate(self, requests: Sequence[ImageRequest]) -> list[Image.Image]:
        if self.batches == self.most:
            threading.Event().wait()
        self.batches += 1
        return super().generate(requests)


def slow_overlap(folder: Path, most: int = -1) -> None:
    """A run of which nearly all is overlapped and asleep; looking follows close behind."""
    setattr(os, "fsync", lambda handle: None)  # noqa: B010
    painter, finder = Ceasing(seconds=0.04, most=most), Finder(seconds=0.01)
    run = open_shapes(folder, Shapes(30, 2), painter)
    run_all(run, replace(work(painter, finder), overlap=True), Log())


def _looked_at(folder: Path) -> int:
    return sum(path.read_bytes().count(b"\n") for path in folder.glob("detections/*/*.jsonl"))


def test_killed_in_the_midst_of_overlap(tmp_path: Path) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "pyarrow.parquet"])
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    run_all(open_shapes(whole, Shapes(30, 2)), work(), Log())
    # Two batches of four at a time come to eight, and six times eight are not all there are.
    for more in (1, 4, 5, 8, 6, 2):
        before = _looked_at(killed)
        process = context.Process(target=slow_overlap, args=(killed, 2))
        process.start()
        while process.is_alive() and _looked_at(killed) < before + more:
            time.sleep(0.002)
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        there = open_shapes(killed, Shapes(30, 2)).directory
        images = len(there.finished_images(lambda text: None))
        looked = len(there.seen_images("finder@w1", lambda text: None))
        assert 0 < looked <= images < 60
    process = context.Process(target=slow_overlap, args=(killed,))
    process.start()
    assert finished(process)
    assert snapshot(killed) == snapshot(whole)
