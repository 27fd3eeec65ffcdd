"""SIGTERM for the command that drives Ray workers: as alone, and no process is left behind."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from spatialbench.runs.journal import Journal
from tests.processes import descendants
from tests.stages.fakes import snapshot

pytest.importorskip("ray", reason='Ray is not installed: pip install "spatialbench[ray]"')

ROOT = Path(__file__).parents[2]
BATCH = 4
PATIENCE = 300.0
ON_RAY = ["--executor", "ray", "--workers", "2"]

Start = Callable[..., subprocess.Popen[str]]


def _arguments(out: Path) -> list[str]:
    run = ("run", "--method", "painter", "--bench", "squares", "--limit", "12")
    return [*run, "--batch-size", str(BATCH), "--out", str(out)]


@pytest.fixture
def start(tmp_path: Path, plugin_folder: Path) -> Iterator[Start]:
    """``start(arguments, seconds)``: the command line, whose batches take so long."""
    started: list[subprocess.Popen[str]] = []

    def command(arguments: list[str], seconds: float) -> subprocess.Popen[str]:
        (tmp_path / "markers").mkdir(exist_ok=True)
        surroundings = {
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(plugin_folder)]),
            "SLOW_SQUARES_SECONDS": str(seconds),
            "SLOW_SQUARES_MARKERS": str(tmp_path / "markers"),
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.slow_squares", *arguments],
            env={**os.environ, **surroundings},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield command
    for process in started:
        process.kill()


def _until(condition: Callable[[], bool], process: subprocess.Popen[str] | None = None) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert process is None or process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _begun(folder: Path) -> int:
    return len(list((folder / "markers").iterdir()))


def _check_nobody_is_left(processes: dict[int, bytes]) -> None:
    """Ray's daemons end after their driver, but soon."""
    assert any(title.startswith(b"ray::Member") for title in processes.values())
    assert any(b"raylet/raylet" in title for title in processes.values())
    _until(lambda: not any(_is_there(pid, title) for pid, title in processes.items()))


def _is_there(pid: int, title: bytes) -> bool:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() == title
    except OSError:
        return False


def test_batches_in_hand_are_finished(tmp_path: Path, start: Start) -> None:
    whole, run = tmp_path / "whole", tmp_path / "run"
    assert start(_arguments(whole), 0).wait(PATIENCE) == 0
    for marker in (tmp_path / "markers").iterdir():
        marker.unlink()
    driver = start([*_arguments(run), *ON_RAY], 3)
    _until(lambda: _begun(tmp_path) > 0, driver)
    processes = dict(descendants(driver.pid))
    driver.send_signal(signal.SIGTERM)
    _, said = driver.communicate(timeout=PATIENCE)
    assert driver.returncode == 143, said
    finished = Journal(run / "images.jsonl").keys(print)
    assert len(finished) == _begun(tmp_path) * BATCH
    assert len(finished) < 48
    assert "finish the batch in hand; a second SIGTERM does not wait" in said
    (again,) = re.findall(r"To continue: (spatialbench .*)", said)
    assert shlex.split(again)[1:] == [*_arguments(run), *ON_RAY]
    _check_nobody_is_left(processes)
    assert start(_arguments(run), 0).wait(PATIENCE) == 0
    assert snapshot(run) == snapshot(whole)


def test_a_second_one_does_not_wait(tmp_path: Path, start: Start) -> None:
    driver = start([*_arguments(tmp_path / "run"), *ON_RAY], 3600)
    _until(lambda: _begun(tmp_path) > 0, driver)
    processes = dict(descendants(driver.pid))
    driver.send_signal(signal.SIGTERM)
    time.sleep(2)
    assert driver.poll() is None
    driver.send_signal(signal.SIGTERM)
    _, said = driver.communicate(timeout=PATIENCE)
    assert driver.returncode == 143, said
    assert "Traceback" not in said
    assert "To continue: spatialbench run" in said
    assert not list((tmp_path / "run").rglob("*.png"))
    _check_nobody_is_left(processes)
