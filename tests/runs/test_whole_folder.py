"""Folders of results that are there whole or not at all, whenever their writer is killed."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from spatialbench.errors import UserError
from spatialbench.runs.whole_folder import whole_folder

FILES = 6


def fill(folder: Path, kill_after: int | None = None) -> None:
    with whole_folder(folder) as building:
        for number in range(FILES):
            if number == kill_after:
                os.kill(os.getpid(), signal.SIGKILL)
            (building / f"{number}").write_text("new")


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("after", range(FILES))
def test_a_killed_one_can_be_repeated(tmp_path: Path, before: bool, after: int) -> None:
    folder = tmp_path / "out"
    if before:
        folder.mkdir()
        (folder / "old").write_text("old")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    process = context.Process(target=fill, args=(folder, after))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert folder.exists() == before
    assert not before or [path.name for path in folder.iterdir()] == ["old"]
    fill(folder)
    assert sorted(path.name for path in folder.iterdir()) == [str(n) for n in range(FILES)]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_error_leaves_what_was_there(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    fill(folder)
    with pytest.raises(FileNotFoundError), whole_folder(folder) as building:
        (building / "half").rename(building / "no folder" / "half")
    assert len(list(folder.iterdir())) == FILES
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_two_writers_of_one_folder(tmp_path: Path) -> None:
    with whole_folder(tmp_path / "out") as building:
        (building / "first").write_text("")
        with pytest.raises(UserError, match="another process"), whole_folder(tmp_path / "out"):
            pass
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["first"]


def test_a_link_in_place_of_the_half_built_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "mine").write_text("mine")
    (tmp_path / ".out.unfinished").symlink_to(outside)
    (tmp_path / ".out.replaced").symlink_to(outside)
    fill(tmp_path / "out")
    assert [path.name for path in outside.iterdir()] == ["mine"]
