"""SIGTERM: the batch in hand is finished, the message says how to go on, and so it goes on."""

from __future__ import annotations

import os
import re
import shlex
import signal
import sys
import time
from collections.abc import Sequence
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

from spatialbench.executors import stopping
from spatialbench.runs.journal import Journal
from tests.stages.fakes import snapshot

BATCH = 4
IN_HAND = {
    "generate": ("painter", "Painter", "generate"),
    "detect": ("blobs", "ColourBlobs", "detect"),
}


def _arguments(out: Path) -> list[str]:
    run = ("run", "--method", "painter", "--bench", "squares", "--limit", "12")
    return [*run, "--batch-size", str(BATCH), "--out", str(out)]


def _command(plugins: Path, arguments: Sequence[str], err: Path, slow: str, marker: Path) -> None:
    """The command line in a process of its own.

    ``slow`` is a step and a number, ``generate/1``: it says when it is at work, and stays there
    until that many SIGTERMs came.
    """
    import importlib

    sys.path.insert(0, str(plugins))
    os.dup2(os.open(err, os.O_CREAT | os.O_WRONLY), 2)
    slow, _, signals = slow.partition("/")
    if slow:
        module, owner, name = IN_HAND.get(slow, ("painter", "Painter", "load"))
        found = getattr(importlib.import_module(f"coloured_squares.{module}"), owner)
        quick = getattr(found, name)
        calls: list[int] = []

        def slowly(self: Any, *given: Any) -> Any:
            calls.append(1)
            if len(calls) == 2 or slow == "load":
                marker.touch()
                _wait_for_signals(int(signals), marker)
            return quick(self, *given)

        setattr(found, name, slowly)
    from spatialbench.cli import main

    sys.exit(main(arguments))


def _wait_for_signals(wanted: int, marker: Path) -> None:
    """Stay at work until so many SIGTERMs came, and leave a mark at the first."""
    while stopping._requests.count < wanted:
        if stopping._requests.count:
            marker.with_name("heard").touch()
        time.sleep(0.005)


@pytest.fixture(scope="module")
def uninterrupted(
    plugin_folder: Path, tmp_path_factory: pytest.TempPathFactory, context: ForkServerContext
) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("squares")
    process = _start(context, plugin_folder, _arguments(folder / "run"), folder, "")
    process.join(600)
    assert process.exitcode == 0
    return snapshot(folder / "run")


def _start(
    context: ForkServerContext, plugins: Path, arguments: Sequence[str], folder: Path, slow: str
) -> BaseProcess:
    marker = folder / "marker"
    marker.unlink(missing_ok=True)
    process = context.Process(
        target=_command, args=(plugins, arguments, folder / "err", slow, marker)
    )
    process.start()
    while slow and not marker.exists():
        assert process.is_alive()
        time.sleep(0.005)
    return process


def _how_to_continue(folder: Path) -> list[str]:
    (command,) = re.findall(r"To continue: (spatialbench .*)", (folder / "err").read_text())
    return shlex.split(command)[1:]


@pytest.mark.parametrize("stage", list(IN_HAND))
def test_the_batch_in_hand_is_finished(
    stage: str,
    tmp_path: Path,
    plugin_folder: Path,
    context: ForkServerContext,
    uninterrupted: dict[str, bytes],
) -> None:
    run = tmp_path / "run"
    process = _start(context, plugin_folder, _arguments(run), tmp_path, f"{stage}/1")
    assert process.pid is not None
    os.kill(process.pid, signal.SIGTERM)
    process.join(600)
    assert process.exitcode == 143
    # The second batch was in hand.
    kept = (
        run / "images.jsonl"
        if stage == "generate"
        else (run / "detections" / "colour-blobs@1" / "detections.jsonl")
    )
    assert len(Journal(kept).keys(print)) == 2 * BATCH
    process = _start(context, plugin_folder, _how_to_continue(tmp_path), tmp_path, "")
    process.join(600)
    assert process.exitcode == 0
    assert snapshot(run) == uninterrupted


def test_between_batches_it_stops_at_once(
    tmp_path: Path, plugin_folder: Path, context: ForkServerContext
) -> None:
    """Nothing is in hand while a model is loaded."""
    process = _start(context, plugin_folder, _arguments(tmp_path / "run"), tmp_path, "load/1")
    assert process.pid is not None
    os.kill(process.pid, signal.SIGTERM)
    process.join(600)
    assert process.exitcode == 143
    assert not list((tmp_path / "run").rglob("*.png"))
    assert _how_to_continue(tmp_path) == _arguments(tmp_path / "run")


def test_a_second_one_does_not_wait(
    tmp_path: Path,
    plugin_folder: Path,
    context: ForkServerContext,
    uninterrupted: dict[str, bytes],
) -> None:
    run = tmp_path / "run"
    process = _start(context, plugin_folder, _arguments(run), tmp_path, "generate/2")
    assert process.pid is not None
    os.kill(process.pid, signal.SIGTERM)
    while not (tmp_path / "heard").exists():
        assert process.is_alive()
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGTERM)
    process.join(600)
    assert process.exitcode == 143
    assert len(Journal(run / "images.jsonl").keys(print)) == BATCH
    process = _start(context, plugin_folder, _how_to_continue(tmp_path), tmp_path, "")
    process.join(600)
    assert snapshot(run) == uninterrupted
