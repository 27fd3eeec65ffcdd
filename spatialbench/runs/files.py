"""Writing a file so that it is there whole or not at all, and what to say when the disk refuses."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import UserError

_ADVICE = {
    errno.ENOSPC: "the disk is full: free some space",
    errno.EDQUOT: "your disk quota is used up: free some space",
    errno.EACCES: "no permission to write there: change the permissions or choose another --out",
    errno.EPERM: "no permission to write there: change the permissions or choose another --out",
    errno.EROFS: "the file system is read-only: choose another --out",
    errno.ENOTDIR: "a file stands where a folder is needed: move it away or choose another --out",
    errno.EEXIST: "a file stands where a folder is needed: move it away or choose another --out",
    errno.EIO: "the disk reports an error: check it or choose another --out",
}


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn an OSError that the user can put right into a UserError about ``path``."""
    try:
        yield
    except OSError as error:
        advice = _ADVICE.get(error.errno or 0)
        if advice is None:
            raise
        raise UserError(
            f"cannot write {path}: {advice}, then give the same command again; what is finished "
            "is kept."
        ) from error


def make_folder(path: Path) -> None:
    """Make a folder and its parents. Raises UserError where the disk refuses."""
    with disk_errors(path):
        path.mkdir(parents=True, exist_ok=True)


def write_atomic(path: Path, content: bytes) -> None:
    """Write ``path`` whole: beside it, to the disk, then renamed into place.

    The name beside it is fixed (``.NAME.tmp``): what a kill left behind is overwritten when the
    file is written again, so no rubbish gathers. One writer a file at a time.

    Raises:
        UserError: no space, no permission, a read-only file system.
    """
    beside = path.with_name(f".{path.name}.tmp")
    with disk_errors(path):
        try:
            with beside.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        except OSError:
            beside.unlink(missing_ok=True)
            raise


def sync_folder(path: Path) -> None:
    """Put a folder's entries on the disk, so that a new or renamed file survives a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
