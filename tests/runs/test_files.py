"""Files are there whole or not at all, and a refusing disk is explained."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from spatialbench.errors import UserError
from spatialbench.runs.files import (
    create_atomic,
    disk_errors,
    make_folder,
    place_errors,
    write_atomic,
    write_report,
)


def test_replaces_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomic(path, b"first")
    write_atomic(path, b"second")
    assert path.read_bytes() == b"second"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (errno.ENOSPC, "the disk is full: free some space"),
        (errno.EDQUOT, "quota"),
        (errno.EACCES, "no permission to write there"),
        (errno.EROFS, "read-only"),
    ],
)
def test_a_refusing_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, advice: str
) -> None:
    path = tmp_path / "file"
    write_atomic(path, b"first")

    def refuse(handle: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(UserError, match=advice) as caught:
        write_atomic(path, b"second")
    assert str(path) in str(caught.value)
    assert path.read_bytes() == b"first"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_an_unexpected_error_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="42") as caught, disk_errors(tmp_path):
        raise OSError(errno.EBADF, "42")
    assert not isinstance(caught.value, UserError)


def test_a_file_where_a_folder_is_needed(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    for folder in (tmp_path / "runs", tmp_path / "runs" / "visor"):
        with pytest.raises(UserError, match="a file stands where a folder is needed"):
            make_folder(folder)


def test_a_device_or_a_pipe_is_not_replaced(tmp_path: Path) -> None:
    """A test may not try it with the machine's own devices: what it finds broken, it breaks."""
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    for place in (pipe, link):
        with pytest.raises(UserError, match="no file but a device or a pipe"):
            write_report(place, b"content")
    assert pipe.is_fifo()
    assert link.is_symlink()


@pytest.mark.parametrize("code", [errno.ENOENT, errno.ENODEV, errno.EINVAL, errno.EXDEV])
def test_any_error_of_a_place_is_told(tmp_path: Path, code: int) -> None:
    with pytest.raises(UserError, match="choose another place"), place_errors(tmp_path):
        raise OSError(code, os.strerror(code))
    with pytest.raises(RuntimeError, match="a fault"), place_errors(tmp_path):
        raise RuntimeError("a fault of ours")


def test_a_scratch_folder_is_used_and_left_empty(tmp_path: Path) -> None:
    path, scratch = tmp_path / "file", tmp_path / "scratch"
    write_atomic(path, b"first", scratch)
    write_atomic(path, b"second", scratch)
    assert path.read_bytes() == b"second"
    assert list(scratch.iterdir()) == []


def test_a_scratch_folder_emptied_under_a_writer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, scratch = tmp_path / "file", tmp_path / "scratch"
    real = os.fsync

    def emptied(handle: int) -> None:
        monkeypatch.setattr(os, "fsync", real)
        shutil.rmtree(scratch)

    monkeypatch.setattr(os, "fsync", emptied)
    write_atomic(path, b"content", scratch)
    assert path.read_bytes() == b"content"


@pytest.mark.parametrize("links", [True, False])
def test_only_one_creates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool) -> None:
    def refuse(*paths: object, **options: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    if not links:
        monkeypatch.setattr(os, "link", refuse)
    path, scratch = tmp_path / "file", tmp_path / "scratch"
    assert create_atomic(path, b"first", scratch)
    assert not create_atomic(path, b"second", scratch)
    assert path.read_bytes() == b"first"
    assert list(scratch.iterdir()) == []
