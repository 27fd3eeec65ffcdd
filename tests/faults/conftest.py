"""Disks that are too small or cannot be written, and processes that are really there."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
from collections.abc import Callable, Iterator
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from .drills import uninterrupted

Mount = Callable[..., Path]


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The bytes of the run that nothing happened to."""
    return uninterrupted(tmp_path_factory.mktemp("whole") / "run")


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Mount]:
    """``mount("-t", "tmpfs", ...)``: a new mount point, taken down after the test."""
    points: list[Path] = []

    def make(*arguments: str, at: Path | None = None) -> Path:
        point = at or tmp_path / f"mount{len(points)}"
        point.mkdir(exist_ok=True)
        told = subprocess.run(["mount", *arguments, str(point)], capture_output=True, text=True)
        if told.returncode:
            pytest.skip(f"this user cannot mount a file system ({told.stderr.strip()})")
        if at is None:
            points.append(point)
        return point

    yield make
    for point in reversed(points):
        subprocess.run(["umount", str(point)], check=True)


@pytest.fixture(scope="session")
def context() -> ForkServerContext:
    """Real processes that start fast: they are forked from a server that has the imports."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.faults.drills", "pyarrow.parquet"])
    return context


@pytest.fixture
def ordinary_user() -> int:
    """A user id that permissions bind: root's own do not."""
    return os.getuid() or 65534
