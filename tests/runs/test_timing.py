"""The file of batch times, and what is read from it."""

from __future__ import annotations

import errno
import os
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from PIL import Image

from spatialbench.errors import UserError
from spatialbench.executors.local import LocalExecutor
from spatialbench.plugins import ImageRequest
from spatialbench.runs.machine import device_name, this_machine
from spatialbench.runs.opening import RunSpec
from spatialbench.runs.selection import Selection
from spatialbench.runs.status import status
from spatialbench.runs.timing import NAME, BatchTime, append_time, read_pace
from spatialbench.stages.generate import generate
from tests.opened_runs import open_run
from tests.stages.fakes import Log, Painter, Shapes, open_shapes


def note(folder: Path, images: int, seconds: float, size: int = 4, device: str = "one") -> None:
    append_time(folder, BatchTime(images=images, seconds=seconds, batch_size=size, device=device))


def test_the_median_counts_images_and_not_batches(tmp_path: Path) -> None:
    assert read_pace(tmp_path) is None
    # The first batch warms up, the last is short.
    for images, seconds in ((4, 40.0), (4, 8.0), (4, 4.4), (1, 5.0)):
        note(tmp_path, images, seconds)
    pace = read_pace(tmp_path)
    assert pace is not None
    assert pace.seconds == statistics.median([10] * 4 + [2] * 4 + [1.1] * 4 + [5])
    assert (pace.images, pace.where) == (13, "one, batch 4")


def test_other_devices_and_batch_sizes_are_not_mixed_in(tmp_path: Path) -> None:
    note(tmp_path, 4, 4.0)
    note(tmp_path, 1, 9.0, size=1)
    note(tmp_path, 4, 1.0, device="two")
    note(tmp_path, 4, 2.0, device="two")
    pace = read_pace(tmp_path)
    assert pace is not None
    assert (pace.seconds, pace.device, pace.batch_size, pace.images) == (0.375, "two", 4, 8)


def test_a_torn_line_is_one_measurement_fewer(tmp_path: Path) -> None:
    note(tmp_path, 2, 1.0)
    path = tmp_path / NAME
    path.write_bytes(path.read_bytes() + b'{"images": 2, "sec')
    note(tmp_path, 2, 3.0)
    note(tmp_path, 2, 5.0)
    pace = read_pace(tmp_path)
    assert pace is not None
    assert (pace.seconds, pace.images) == (1.5, 4)
    path.write_bytes(b'{"images": 0, "seconds": 1, "batch_size": 1, "device": "one"}\n\xff\n')
    assert read_pace(tmp_path) is None


def test_a_full_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int, content: bytes) -> int:
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(UserError, match="the disk is full"):
            note(tmp_path, 1, 1.0)


def test_generate_times_its_batches_without_the_loading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])

    class Watched(Painter):
        def load(self) -> None:
            clock[0] += 60

        def generate(self, requests: Sequence[ImageRequest]) -> list[Image.Image]:
            clock[0] += 3
            return super().generate(requests)

    spec = RunSpec(Shapes(), "all", Watched())
    run = open_run(spec, Selection(5), this_machine("cpu"), tmp_path)
    generate(run, Watched(), 4, LocalExecutor(), Log())
    lines = [BatchTime.model_validate_json(x) for x in (tmp_path / NAME).read_bytes().splitlines()]
    assert [(line.images, line.seconds, line.batch_size) for line in lines] == [
        (4, 3.0, 4),
        (4, 3.0, 4),
        (2, 3.0, 4),
    ]
    assert {line.device for line in lines} == {device_name("cpu")}
    pace = status(run).pace
    assert pace is not None
    assert pace.seconds == 0.75
    before = (tmp_path / NAME).read_bytes()
    generate(run, Watched(), 4, LocalExecutor(), Log())
    assert (tmp_path / NAME).read_bytes() == before


def test_the_batch_that_ran_out_of_memory_is_not_timed(tmp_path: Path) -> None:
    run = open_shapes(tmp_path, Shapes(), Painter(fits=2))
    generate(run, Painter(fits=2), 8, LocalExecutor(), Log())
    lines = [BatchTime.model_validate_json(x) for x in (tmp_path / NAME).read_bytes().splitlines()]
    assert [(line.images, line.batch_size) for line in lines] == [(8, 2), (8, 2)]


def test_device_names() -> None:
    assert device_name("cpu") not in ("", "cpu:0")
    assert device_name("xpu:1") == "xpu:1"
    assert device_name(None) == "unknown device"


class Spending(Painter):
    """Tells what each image took: as many strokes as its place in the batch."""

    made = 0

    def generate(self, requests: Sequence[ImageRequest]) -> list[Image.Image]:
        self.made = len(requests)
        return super().generate(requests)

    def costs(self) -> Sequence[Mapping[str, float]]:
        return [{"strokes": float(place)} for place in range(self.made)]


@pytest.mark.parametrize("fits", [None, 2])
def test_what_images_took_is_in_their_records_and_in_the_pace(
    tmp_path: Path, fits: int | None
) -> None:
    """Also where memory made the batch smaller; where a method tells nothing, nothing is there."""
    run = open_shapes(tmp_path / "spent", Shapes(), Spending(fits=fits))
    generate(run, Spending(fits=fits), 4, LocalExecutor(), Log())
    records = list(run.directory.image_journal.records(Log().notice))
    of_batch = 4 if fits is None else fits
    assert [one["costs"]["strokes"] for one in records] == [n % of_batch for n in range(24)]
    pace = read_pace(tmp_path / "spent")
    assert pace is not None
    assert pace.costs == {"strokes": (of_batch - 1) / 2}
    plain = open_shapes(tmp_path / "plain", Shapes(), Painter())
    generate(plain, Painter(), 4, LocalExecutor(), Log())
    assert not any("costs" in one for one in plain.directory.image_journal.records(Log().notice))
    assert b"costs" not in (tmp_path / "plain" / NAME).read_bytes()
