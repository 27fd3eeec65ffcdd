"""Folders that cannot be written: said at once, and what only reads goes on working."""

from __future__ import annotations

import os
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from spatialbench.errors import UserError
from spatialbench.reports.scored import load_scored
from spatialbench.runs.machine import this_machine
from spatialbench.runs.opening import open_existing
from spatialbench.runs.status import status
from tests.stages.fakes import Shapes

from .conftest import Mount
from .drills import files, give_command


def test_a_read_only_file_system(mount: Mount, tmp_path: Path, whole: dict[str, bytes]) -> None:
    disk = mount("-t", "tmpfs", "-o", "size=4m", "tmpfs")
    give_command(disk / "done")
    mount("-o", "remount,ro", at=disk)
    with pytest.raises(UserError, match="the file system is read-only") as caught:
        give_command(disk / "new")
    assert "give the same command again" in str(caught.value)
    run = open_existing(disk / "done", Shapes(6, 1))
    assert not status(run).partial
    assert load_scored(run).result.images == 6
    mount("-o", "remount,rw", at=disk)
    give_command(disk / "new")
    assert files(disk / "new") == whole


def _as_ordinary_user(folder: Path, told: Path, user: int) -> None:
    handle = told.open("w")
    # Read while it may be: the packages may lie where only their owner looks.
    this_machine()
    if os.getuid() != user:
        os.setgroups([])
        os.setuid(user)
    try:
        give_command(folder)
    except UserError as error:
        handle.write(str(error))
    handle.close()


def _looks_as_ordinary_user(folder: Path, told: Path, user: int) -> None:
    handle = told.open("w")
    run = open_existing(folder, Shapes(6, 1))
    if os.getuid() != user:
        os.setgroups([])
        os.setuid(user)
    try:
        handle.write(f"seen by {run.directory.detectors()}")
    except (UserError, OSError) as error:
        handle.write(str(error))
    handle.close()


@pytest.mark.parametrize("name", [".", "detector.json"])
def test_detections_that_may_not_be_read_are_no_missing_ones(
    tmp_path: Path, context: ForkServerContext, ordinary_user: int, name: str
) -> None:
    """A gallery would show no boxes, and ``score`` would ask for a ``detect``."""
    for parent in (tmp_path, *tmp_path.parents[:3]):
        if parent.stat().st_uid == os.getuid():
            parent.chmod(0o755)
    folder, told = tmp_path / "run", tmp_path / "told"
    give_command(folder)
    (detections,) = (folder / "detections").iterdir()
    (detections / name).chmod(0o000)
    process = context.Process(target=_looks_as_ordinary_user, args=(folder, told, ordinary_user))
    process.start()
    process.join(600)
    (detections / name).chmod(0o755)
    assert process.exitcode == 0
    assert "Permission denied" in told.read_text()
    assert detections.name in told.read_text()


def test_a_folder_without_permission(
    tmp_path: Path, context: ForkServerContext, ordinary_user: int, whole: dict[str, bytes]
) -> None:
    """Half of the run is there when the permission goes."""
    for parent in (tmp_path, *tmp_path.parents[:3]):
        if parent.stat().st_uid == os.getuid():
            parent.chmod(0o755)
    folder, told = tmp_path / "run", tmp_path / "told"
    give_command(folder)
    (folder / "scores.parquet").unlink()
    (folder / "summary.json").unlink()
    done = files(folder)
    folders = [path for path in (folder, *folder.rglob("*")) if path.is_dir()]
    for path in folders:
        path.chmod(0o555)
    for path in folder.rglob("*"):
        if path.is_file():
            path.chmod(0o444)
    process = context.Process(target=_as_ordinary_user, args=(folder, told, ordinary_user))
    process.start()
    process.join(600)
    assert process.exitcode == 0
    assert "no permission to write there: change the permissions" in told.read_text()
    for path in folder.rglob("*"):
        path.chmod(0o755)
    folder.chmod(0o755)
    assert files(folder) == done
    give_command(folder)
    assert files(folder) == whole
