"""A disk that is full at any moment: nothing half, a sentence, and the same bytes afterwards."""

from __future__ import annotations

import os
import re
import resource
import shutil
from collections import Counter
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from spatialbench.errors import UserError

from .conftest import Mount
from .drills import check_nothing_half, files, give_command

PAGE = os.sysconf("SC_PAGE_SIZE")
KINDS = {
    "image": r"images/.*\.png",
    "image record": r"/images\..*jsonl",
    "detections": r"/detections\..*jsonl",
    "summary": "summary",
    "manifest": "manifest",
}


def _fill(disk: Path, free: int) -> Path:
    """Leave that many pages."""
    ballast = disk / "ballast"
    with ballast.open("wb") as file:
        available = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
        os.posix_fallocate(file.fileno(), 0, available - free * PAGE)
    return ballast


def test_full_at_every_page(mount: Mount, whole: dict[str, bytes]) -> None:
    disk = mount("-t", "tmpfs", "-o", "size=2m", "tmpfs")
    hit: Counter[str] = Counter()
    for free in range(100):
        ballast, folder = _fill(disk, free), disk / "run"
        try:
            give_command(folder)
        except UserError as error:
            said = str(error)
        else:
            break
        assert "the disk is full: free some space, then give the same command again" in said
        path = re.findall(r"cannot write (\S+):", said)[0]
        hit.update(kind for kind, pattern in KINDS.items() if re.search(pattern, path))
        check_nothing_half(folder)
        ballast.unlink()
        give_command(folder)
        assert files(folder) == whole, f"after a disk with {free} free pages"
        shutil.rmtree(folder)
    assert hit.keys() == KINDS.keys(), f"the disk was never full at some kind of file: {hit}"
    assert free > 30


def test_full_when_the_scores_are_written(mount: Mount, whole: dict[str, bytes]) -> None:
    disk = mount("-t", "tmpfs", "-o", "size=2m", "tmpfs")
    folder = disk / "run"
    give_command(folder)
    for name in ("scores.parquet", "summary.json"):
        (folder / name).unlink()
    ballast = _fill(disk, 0)
    with pytest.raises(UserError, match=r"scores\.parquet: the disk is full: free some space"):
        give_command(folder)
    assert not (folder / "summary.json").exists()
    ballast.unlink()
    give_command(folder)
    assert files(folder) == whole


def _limited(folder: Path, told: Path) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (8000, resource.RLIM_INFINITY))
    try:
        give_command(folder)
    except UserError as error:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        told.write_text(str(error))


def test_an_image_beyond_the_largest_file_allowed(
    tmp_path: Path, context: ForkServerContext, whole: dict[str, bytes]
) -> None:
    """The system stops a write in the middle of an image, for any user and on any disk."""
    told = tmp_path / "told"
    process = context.Process(target=_limited, args=(tmp_path / "run", told))
    process.start()
    process.join(600)
    assert process.exitcode == 0
    assert "raise the limit (ulimit -f), then give the same command again" in told.read_text()
    assert check_nothing_half(tmp_path / "run") == 0
    give_command(tmp_path / "run")
    assert files(tmp_path / "run") == whole


def test_a_full_disk_under_the_lock(mount: Mount) -> None:
    """Not even the first file: the folder is refused, and there is no run."""
    disk = mount("-t", "tmpfs", "-o", "size=64k", "tmpfs")
    _fill(disk, 0)
    with pytest.raises(UserError, match="the disk is full"):
        give_command(disk / "run")
    assert not (disk / "run" / "manifest.json").exists()
