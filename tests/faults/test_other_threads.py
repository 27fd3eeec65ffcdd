"""A run begun with two threads that goes on with one: the bytes of two threads throughout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.stages.fakes import snapshot

RUN = ["run", "--method", "sd", "--bench", "visor", "--limit", "3", "--steps", "4"]


def _give(folder: Path, threads: int, *more: str) -> str:
    """The command in a process of its own, as typed; what it says."""
    # Threads that wait give way: on a busy machine they would take each other's processor.
    surroundings = {"OMP_NUM_THREADS": str(threads), "OMP_WAIT_POLICY": "PASSIVE"}
    command = [*RUN, "--batch-size", "4", "--device", "cpu", "--out", str(folder), *more]
    done = subprocess.run(
        [sys.executable, "-m", "spatialbench", *command],
        env={**os.environ, **surroundings},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def _threads(folder: Path) -> list[int | None]:
    machines = json.loads((folder / "manifest.json").read_text())["machines"]
    return [machine["threads"] for machine in machines]


def test_a_run_keeps_the_number_of_threads_it_began_with(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert "thread" not in _give(whole, 2)
    # A third of the images, and then everything that is missing.
    _give(cut, 2, "--shard", "1/3")
    assert len(list(cut.glob("images/*/*.png"))) == 4
    said = _give(cut, 1)
    sentence = "this run began with 2 thread(s) and goes on with as many, not with 1"
    assert (sentence in said) == (len(os.sched_getaffinity(0)) > 1)
    if sentence in said:
        assert snapshot(cut) == snapshot(whole)
        assert _threads(cut) == _threads(whole) == [2]
    else:
        assert "images made from here on can differ" in said
