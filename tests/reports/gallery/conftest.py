"""Runs of the fakes with images and boxes, and a browser where there is one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from spatialbench.executors.local import LocalExecutor
from spatialbench.reports.gallery.records import Side
from spatialbench.reports.scored import load_scored
from spatialbench.runs.progress import Silent
from spatialbench.stages.whole import Work, run_all

from ...stages.fakes import Finder, Painter, Shapes, open_shapes
from .browser import Browser, find_chromium


@pytest.fixture(autouse=True)
def no_fsync(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the writing to the operating system: nothing here is about power cuts."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A headless Chromium; starting one costs more than most tests."""
    program = find_chromium()
    if program is None:
        pytest.skip("no chromium or chrome is installed here")
    with Browser(program, tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture
def browser(started: Browser) -> Browser:
    """A page that remembers nothing of the test before."""
    started.dark(False)
    started.size(1280)
    started.forget()
    started.complaints.clear()
    started.requested.clear()
    return started


@pytest.fixture(scope="session")
def axe() -> str:
    """The script of axe-core, where AXE_CORE is the path of its axe.min.js."""
    place = os.environ.get("AXE_CORE")
    if place is None:
        pytest.skip("AXE_CORE does not name axe-core's axe.min.js")
    return Path(place).read_text("utf-8")


def shapes_side(folder: Path, shapes: Shapes, steps: int = 20) -> Side:
    """A finished run of the fakes; other steps make another run with the same images."""
    painter = Painter(steps=steps)
    run = open_shapes(folder, shapes, painter)
    run_all(run, Work(painter, Finder(), LocalExecutor(), 8), Silent())
    return Side.of(load_scored(run))
