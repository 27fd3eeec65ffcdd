"""A file system that cannot lock: commands that meet lose nothing, and none of them crashes."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from spatialbench.runs.lock import writing
from spatialbench.scoring.score import score
from spatialbench.stages.whole import run_all
from tests.stages.fakes import Log, open_shapes, snapshot, work

ROOT = Path(__file__).parents[2]
RUN = ["run", "--method", "painter", "--bench", "squares", "--limit", "12", "--batch-size", "4"]

NO_LOCKS = """
import errno, fcntl
def refused(*arguments):
    raise OSError(errno.ENOLCK, "no locks here")
fcntl.flock = fcntl.lockf = refused
"""

AT_ONCE = 4
ROUNDS = 2


@pytest.fixture
def surroundings(tmp_path: Path, plugin_folder: Path) -> dict[str, str]:
    hook = tmp_path / "hook"
    hook.mkdir()
    path = os.pathsep.join([str(hook), str(ROOT), str(plugin_folder)])
    return {**os.environ, "PYTHONPATH": path}


def _start(folder: Path, surroundings: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "spatialbench", *RUN, "--out", str(folder)],
        env=surroundings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("name", ["ENOLCK", "EOPNOTSUPP", "ENOSYS"])
def test_nobody_is_alone_where_nothing_can_be_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def refused(*arguments: object) -> None:
        raise OSError(getattr(errno, name), "no locks here")

    monkeypatch.setattr(fcntl, "flock", refused)
    (tmp_path / ".scratch").mkdir()
    with writing(tmp_path) as first, writing(tmp_path) as second:
        assert (first, second) == (False, False)
    assert (tmp_path / ".scratch").is_dir(), "somebody else may be writing there"


def test_two_writers_of_one_table_do_not_take_each_others_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second writes all of it between the first one's writing and renaming."""
    run_all(open_shapes(tmp_path), work(), Log())
    for path in (tmp_path / "scores.parquet", tmp_path / "summary.json"):
        path.unlink()
    rename = os.replace
    interrupted: list[Any] = []

    def late(*places: Any, **folders: Any) -> None:
        if not interrupted:
            interrupted.append(True)
            score(open_shapes(tmp_path), Log())
        rename(*places, **folders)

    monkeypatch.setattr(os, "replace", late)
    monkeypatch.setattr(Path, "replace", lambda self, target: late(self, target))
    monkeypatch.setattr(fcntl, "flock", lambda *arguments: no_locks())
    assert score(open_shapes(tmp_path), Log()).images == 24
    assert interrupted


def no_locks() -> None:
    raise OSError(errno.ENOLCK, "no locks here")


def test_commands_that_meet_end_with_the_bytes_of_one(
    tmp_path: Path, surroundings: dict[str, str]
) -> None:
    whole = tmp_path / "whole"
    alone = _start(whole, surroundings)
    said = alone.communicate()
    assert alone.returncode == 0, said
    (tmp_path / "hook" / "sitecustomize.py").write_text(NO_LOCKS)
    for turn in range(ROUNDS):
        folder = tmp_path / f"run{turn}"
        together = [_start(folder, surroundings) for _ in range(AT_ONCE)]
        for process in together:
            out, err = process.communicate()
            assert process.returncode == 0, err
            assert "squares: painter" in out
        last = _start(folder, surroundings)
        _, err = last.communicate()
        assert last.returncode == 0, err
        assert snapshot(folder) == snapshot(whole)
