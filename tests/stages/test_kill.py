"""A run that is killed, again and again and anywhere, ends with the bytes of one that is not."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import random
import shutil
import signal
import time
from collections import Counter
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

from spatialbench.runs.status import status
from spatialbench.stages.whole import run_all
from tests.stages.fakes import Finder, Log, Painter, Shapes, open_shapes, snapshot, work

STAGES = ("generate", "detect", "score")
KILLS = 7
"""In every stage."""


@pytest.fixture(scope="module")
def context() -> ForkServerContext:
    """Real processes that start fast: they are forked from a server that has the imports."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "pyarrow.parquet"])
    return context


def slow_run(folder: Path, marker: Path, packing: bool = False) -> None:
    """Most of a second a stage, asleep for nearly all of it."""
    setattr(os, "fsync", lambda handle: None)  # noqa: B010
    painter, finder = Painter(seconds=0.05), Finder(seconds=0.05)
    run = open_shapes(folder, Shapes(30, 2, rule_seconds=0.01), painter, packing=packing)
    run_all(run, work(painter, finder), Log(marker))


def run_that_dies(folder: Path, operation: int, packing: bool = False) -> None:
    """A small run that dies before the disk operation of that number."""
    die_before(operation)
    run_all(open_shapes(folder, Shapes(3, 2), packing=packing), work(batch_size=4), Log())


def die_before(operation: int) -> None:
    """Have this process die before the disk operation of that number."""
    counter = itertools.count()

    def deadly(function: Any) -> Any:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            if next(counter) == operation:
                os._exit(9)
            return function(*args, **kwargs)

        return wrapped

    setattr(os, "fsync", lambda handle: None)  # noqa: B010
    for name in ("replace", "write", "pwrite", "unlink", "rmdir", "utime"):
        setattr(os, name, deadly(getattr(os, name)))


def nothing_lost(folder: Path, before: tuple[int, int]) -> tuple[int, int]:
    """Images and detections there after a death; a whole stage is never undone by a later one."""
    state = status(open_shapes(folder, Shapes(3, 2)))
    now = state.images, max(state.detections.values(), default=0)
    for count, earlier in zip(now, before, strict=True):
        assert count == 6 or earlier < 6
    return now


def finished(process: BaseProcess) -> bool:
    process.join(600)
    assert process.exitcode in (0, 9), f"the run failed by itself ({process.exitcode})"
    return process.exitcode == 0


def killed_in(process: BaseProcess, marker: Path, stage: str, delay: float) -> str:
    """Wait for a stage, then a moment, then SIGKILL. The stage that was going on.

    Nothing for a run that was complete before that.
    """
    while process.is_alive() and not (marker.exists() and marker.read_text() == stage):
        time.sleep(0.002)
    time.sleep(delay)
    process.kill()
    process.join()
    return marker.read_text() if process.exitcode == -signal.SIGKILL else ""


def test_killed_seven_times_in_every_stage(tmp_path: Path, context: ForkServerContext) -> None:
    killed_often(tmp_path, context, KILLS)


def run_killed_while_it_packs(folder: Path, write: int, share: float) -> None:
    """A packed run that is killed when it has written so much of what goes into a pack then."""
    pwrite, counter = os.pwrite, itertools.count()

    def torn(handle: int, content: bytes, place: int) -> int:
        if next(counter) < write:
            return pwrite(handle, content, place)
        pwrite(handle, content[: int(share * len(content))], place)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError

    setattr(os, "fsync", lambda handle: None)  # noqa: B010
    setattr(os, "pwrite", torn)  # noqa: B010
    run_all(open_shapes(folder, Shapes(30, 2), packing=True), work(batch_size=4), Log())


def test_killed_twenty_times_in_the_midst_of_a_pack(
    tmp_path: Path, context: ForkServerContext
) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    run_all(open_shapes(whole, Shapes(30, 2)), work(batch_size=4), Log())
    for kill in range(20):
        # In the header, in the image, in the zeros that end the file; of the first image or later.
        torn = (killed, kill % 3, (kill + 1) / 21)
        process = context.Process(target=run_killed_while_it_packs, args=torn)
        process.start()
        process.join(600)
        assert process.exitcode == -signal.SIGKILL
    run_all(open_shapes(killed, Shapes(30, 2), packing=True), work(batch_size=4), Log())
    assert snapshot(killed) == snapshot(whole)
    assert len(list((killed / "packs").glob("*.tar"))) == 21
    assert not (killed / "images").exists()


def killed_often(
    tmp_path: Path, context: ForkServerContext, kills: int, *, packing: bool = False
) -> Counter[str]:
    """At least so many kills in every stage; the run ends with the bytes of one that is not killed,
    in files. Returns how many there were.
    """
    whole, killed, marker = tmp_path / "whole", tmp_path / "killed", tmp_path / "stage"
    slow_run(whole, marker)
    moment = random.Random(20)
    hits: Counter[str] = Counter()
    # A stage never runs backwards: one that was missed comes again once the run was whole.
    while wanted := next((stage for stage in STAGES if hits[stage] < kills), None):
        marker.unlink(missing_ok=True)
        process = context.Process(target=slow_run, args=(killed, marker, packing))
        process.start()
        stage = killed_in(process, marker, wanted, moment.uniform(0, 0.06))
        if stage:
            hits[stage] += 1
        elif process.exitcode != -signal.SIGKILL:
            assert process.exitcode == 0
            # A busy machine was late to kill it: whole it must be all the same, and begins anew.
            assert snapshot(killed) == snapshot(whole)
            shutil.rmtree(killed)
    process = context.Process(target=slow_run, args=(killed, marker, packing))
    process.start()
    assert finished(process)
    assert snapshot(killed) == snapshot(whole)
    return hits


@pytest.mark.parametrize("packing", [False, True])
def test_dead_at_every_disk_operation(
    tmp_path: Path, context: ForkServerContext, *, packing: bool
) -> None:
    whole = tmp_path / "whole"
    run_all(open_shapes(whole, Shapes(3, 2)), work(batch_size=4), Log())
    most = (0, 0)
    for operation in itertools.count():
        folder = tmp_path / str(operation)
        process = context.Process(target=run_that_dies, args=(folder, operation, packing))
        process.start()
        if finished(process):
            break
        most = nothing_lost(folder, most)
        run_all(open_shapes(folder, Shapes(3, 2), packing=packing), work(batch_size=4), Log())
        assert snapshot(folder) == snapshot(whole), f"after a death at operation {operation}"
    assert operation > 20
