"""Signals for the command that drives Ray workers: no process is left behind, nothing is lost."""

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
from tests.processes import descendants, wait_for_look
from tests.stages.fakes import snapshot

pytest.importorskip("ray", reason='Ray is not installed: pip install "spatialbench[ray]"')

ROOT = Path(__file__).parents[2]
BATCH = 4
PATIENCE = 600.0
ON_RAY = ["--executor", "ray", "--workers", "2"]

Start = Callable[..., subprocess.Popen[str]]


def _arguments(out: Path) -> list[str]:
    run = ("run", "--method", "painter", "--bench", "squares", "--limit", "12")
    return [*run, "--batch-size", str(BATCH), "--out", str(out)]


@pytest.fixture
def start(tmp_path: Path, plugin_folder: Path) -> Iterator[Start]:
    """``start(arguments, awaited)``: the command line, whose batches wait until a file is there."""
    started: list[subprocess.Popen[str]] = []

    def command(arguments: list[str], awaited: Path) -> subprocess.Popen[str]:
        (tmp_path / "markers").mkdir(exist_ok=True)
        surroundings = {
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(plugin_folder)]),
            "SLOW_SQUARES_AWAITED": str(awaited),
            "SLOW_SQUARES_MARKERS": str(tmp_path / "markers"),
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.slow_squares", *arguments],
            env={**os.environ, **surroundings},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
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


def _until_it_waits(driver: subprocess.Popen[str]) -> None:
    """Until it has said that it waits for the batches in hand."""
    assert driver.stderr is not None
    for line in driver.stderr:
        if "finish the batch in hand; a second SIGTERM does not wait" in line:
            return
    pytest.fail("it ended and did not say that it waits")


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
    whole, run, go = (tmp_path / name for name in ("whole", "run", "go"))
    go.touch()
    assert start(_arguments(whole), go).wait(PATIENCE) == 0
    go.unlink()
    for marker in (tmp_path / "markers").iterdir():
        marker.unlink()
    driver = start([*_arguments(run), *ON_RAY], go)
    _until(lambda: _begun(tmp_path) > 0, driver)
    processes = dict(descendants(driver.pid))
    driver.send_signal(signal.SIGTERM)
    _until_it_waits(driver)
    go.touch()
    _, said = driver.communicate(timeout=PATIENCE)
    assert driver.returncode == 143, said
    finished = Journal(run / "images.jsonl").keys(print)
    assert len(finished) == _begun(tmp_path) * BATCH
    assert 0 < len(finished) <= 2 * BATCH
    (again,) = re.findall(r"To continue: (spatialbench .*)", said)
    assert shlex.split(again)[1:] == [*_arguments(run), *ON_RAY]
    _check_nobody_is_left(processes)
    assert start(_arguments(run), go).wait(PATIENCE) == 0
    assert snapshot(run) == snapshot(whole)


def test_a_second_one_does_not_wait(tmp_path: Path, start: Start) -> None:
    driver = start([*_arguments(tmp_path / "run"), *ON_RAY], tmp_path / "never")
    _until(lambda: _begun(tmp_path) > 0, driver)
    processes = dict(descendants(driver.pid))
    driver.send_signal(signal.SIGTERM)
    _until_it_waits(driver)
    assert driver.poll() is None
    driver.send_signal(signal.SIGTERM)
    _, said = driver.communicate(timeout=PATIENCE)
    assert driver.returncode == 143, said
    assert "Traceback" not in said
    assert "To continue: spatialbench run" in said
    assert not list((tmp_path / "run").rglob("*.png"))
    _check_nobody_is_left(processes)


@pytest.mark.parametrize("whole_group", [False, True], ids=["driver", "group"])
def test_a_killed_driver_leaves_no_process(tmp_path: Path, start: Start, whole_group: bool) -> None:
    """SIGKILL, as the kernel sends it when memory runs out, and as schedulers do to a group."""
    driver = start([*_arguments(tmp_path / "run"), *ON_RAY], tmp_path / "never")
    _until(lambda: _begun(tmp_path) > 0, driver)
    processes = dict(descendants(driver.pid))
    (reaper,) = [pid for pid, title in processes.items() if b"ray_reaper.py" in title]
    wait_for_look(reaper)
    if whole_group:
        os.killpg(driver.pid, signal.SIGKILL)
    else:
        driver.kill()
    driver.communicate(timeout=PATIENCE)
    _check_nobody_is_left(processes)


RECIPE = """
format: 1
title: Squares by skill
source: a paper, table 1
benchmark: squares
defaults: {limit: 12}
rows:
  - {name: "skill {skill}", method: painter, set: {skill: [0.5, 1]}}
"""


def test_rows_share_a_cluster_and_a_killed_table_goes_on(
    tmp_path: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker and then the driver are killed in the second row; in packs, as one process in files.

    In that row every process makes one batch and comes to no end of the next.
    """
    (tmp_path / "squares.yaml").write_text(RECIPE)
    table = ["reproduce", str(tmp_path / "squares.yaml"), "--batch-size", str(BATCH), "--out"]
    whole, run = tmp_path / "whole", tmp_path / "run"
    monkeypatch.setenv("SLOW_SQUARES_ONCE", "1")
    packed = [*table, str(run), "--pack"]
    driver = start([*packed, *ON_RAY], tmp_path / "never")
    _until(lambda: _begun(tmp_path) > 0, driver)
    raylets = _raylets(driver)
    _until(lambda: len(list(run.rglob("summary.json"))) == 1, driver)
    (first,) = (path.parent for path in run.rglob("summary.json"))

    def writers() -> list[int]:
        packs = [path for path in run.rglob("packs/*.tar") if not path.is_relative_to(first)]
        return [int(path.name.split("-")[1]) for path in packs]

    _until(lambda: len(writers()) == 2, driver)
    assert _raylets(driver) == raylets != set()
    os.kill(writers()[0], signal.SIGKILL)
    _until(lambda: len(writers()) == 3, driver)
    processes = dict(descendants(driver.pid))
    driver.kill()
    driver.communicate(timeout=PATIENCE)
    _check_nobody_is_left(processes)
    assert len(list(run.rglob("summary.json"))) == 1
    assert start(packed, tmp_path).wait(PATIENCE) == 0
    assert start([*table, str(whole)], tmp_path).wait(PATIENCE) == 0
    made = sorted(path.parent.relative_to(run) for path in run.rglob("summary.json"))
    assert len(made) == 2
    for folder in made:
        assert snapshot(run / folder) == snapshot(whole / folder)
    assert not list(run.rglob("*.png"))


def _raylets(driver: subprocess.Popen[str]) -> set[int]:
    return {pid for pid, title in descendants(driver.pid) if b"raylet/raylet" in title}
