"""Shards: several processes over one directory, and the bytes of one process."""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import signal
import time
from pathlib import Path

from spatialbench.stages.plan import Shard
from spatialbench.stages.whole import Work, run_all
from tests.stages.fakes import Finder, Log, Painter, Shapes, open_shapes, snapshot, work

PROMPTS = 14


def run_shard(folder: Path, shard: str, seconds: float = 0.0) -> Log:
    setattr(os, "fsync", lambda handle: None)  # noqa: B010
    log = Log()
    run = open_shapes(folder, Shapes(PROMPTS, 2), Painter(seconds))
    local = work()
    run_all(
        run,
        Work(Painter(seconds), Finder(seconds), local.executor, 4, shard=Shard.parse(shard)),
        log,
    )
    return log


def test_three_shards_one_after_the_other(tmp_path: Path) -> None:
    run_shard(tmp_path / "whole", "1/1")
    for shard in ("3/3", "1/3", "2/3"):
        log = run_shard(tmp_path / "shards", shard)
        assert [done for _, done, _ in log.begun] == [0, 0]
        assert not (tmp_path / "shards" / "summary.json").exists()
    totals = [total for _, _, total in run_shard(tmp_path / "shards", "2/3").begun]
    assert totals == [8, 8]
    log = run_shard(tmp_path / "shards", "1/1")
    assert [done for _, done, _ in log.begun] == [28, 28, 0]
    assert snapshot(tmp_path / "shards") == snapshot(tmp_path / "whole")


def test_four_processes_at_once_and_one_of_them_killed(tmp_path: Path) -> None:
    run_shard(tmp_path / "whole", "1/1")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    folder = tmp_path / "shards"
    # Of two different divisions, so that several make the same images at the same time.
    shards = ("1/2", "2/2", "1/3", "2/3")
    processes = [context.Process(target=run_shard, args=(folder, s, 0.02)) for s in shards]
    for process in processes:
        process.start()
    while not (folder / "images").is_dir():
        assert all(process.is_alive() for process in processes)
        time.sleep(0.01)
    time.sleep(random.Random(4).uniform(0, 0.2))
    processes[3].kill()
    for process in processes:
        process.join(600)
    assert [process.exitcode for process in processes[:3]] == [0, 0, 0]
    log = run_shard(folder, "1/1")
    assert [done for _, done, _ in log.begun] == [28, 28, 0]
    assert snapshot(folder) == snapshot(tmp_path / "whole")
    assert not (folder / ".scratch").exists()


def kill_at_random(folder: Path, whole: Path, moment: random.Random, kills: int) -> int:
    """Kill one process, two or three shards again and again; how often the run became complete.

    Whenever it is, its bytes are compared and it is begun anew.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "pyarrow.parquet"])
    killed = laps = 0
    while killed < kills:
        shards = moment.choice([("1/1",), ("1/2", "2/2"), ("1/3", "2/3", "3/3")])
        processes = [context.Process(target=run_shard, args=(folder, s, 0.02)) for s in shards]
        for process in processes:
            process.start()
        time.sleep(moment.uniform(0, 0.35))
        for process in moment.sample(processes, moment.randint(1, len(processes))):
            process.kill()
        for process in processes:
            process.join(600)
            killed += process.exitcode == -signal.SIGKILL
            assert process.exitcode in (0, -signal.SIGKILL)
        if (folder / "summary.json").exists() or killed >= kills:
            run_shard(folder, "1/1")
            assert snapshot(folder) == snapshot(whole)
            shutil.rmtree(folder)
            laps += 1
    return laps


def test_shards_killed_twenty_times(tmp_path: Path) -> None:
    run_shard(tmp_path / "whole", "1/1")
    moment = random.Random(20)
    assert kill_at_random(tmp_path / "shards", tmp_path / "whole", moment, 20) >= 1
