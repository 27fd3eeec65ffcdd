"""Writing a file so that it is there whole or not at all, and what to say when the disk refuses."""

from __future__ import annotations

import errno
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import UserError

_ADVICE = {
    errno.ENOSPC: "the disk is full: free some space",
    errno.EDQUOT: "your disk quota is used up: free some space",
    errno.EACCES: "no permission to write there: change the permissions or choose another --out",
    errno.EPERM: "no permission to write there: change the permissions or choose another --out",
    errno.EROFS: "the file system is read-only: copy the run to another or choose another --out",
    errno.EFBIG: "the file would be larger than allowed: raise the limit (ulimit -f)",
    errno.EMFILE: "too many files are open: raise the limit (ulimit -n)",
    errno.ENOTDIR: "a file stands where a folder is needed: move it away or choose another --out",
    errno.EEXIST: "a file stands where a folder is needed: move it away or choose another --out",
    errno.EIO: "the disk reports an error: check it or choose another --out",
}

# Errors of file systems without hard links.
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}

_ATTEMPTS = 5

SCRATCH = ".scratch"
"""Name of the folder in a run where files are written before they are renamed into place."""


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


def write_atomic(path: Path, content: bytes, scratch: Path | None = None) -> None:
    """Write ``path`` whole: under another name, to the disk, then renamed into place.

    Args:
        path: where the content is to be.
        content: all of it.
        scratch: a folder of the same file system for the other name, which is then unique, so that
            any number of processes may write ``path`` at once; one of them wins. Whoever knows
            that nobody writes empties that folder. None is for a file of one writer: the other
            name is then a fixed one (``.NAME.tmp``), and what a kill left is overwritten.

    Raises:
        UserError: no space, no permission, a read-only file system.
    """
    with disk_errors(path):
        for attempt in range(_ATTEMPTS):
            try:
                _put(_written(path, content, scratch), path)
            except FileNotFoundError:
                # Somebody emptied the scratch folder in between.
                if scratch is None or attempt == _ATTEMPTS - 1:
                    raise
            else:
                return


def create_atomic(path: Path, content: bytes, scratch: Path) -> bool:
    """Write ``path`` whole, unless it is there already; of several processes one succeeds.

    Returns:
        Whether this call made the file.

    Raises:
        UserError: no space, no permission, a read-only file system.
    """
    with disk_errors(path):
        beside = _written(path, content, scratch)
        try:
            os.link(beside, path)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            # Such a file system cannot refuse; the two steps are as near as it comes.
            if path.exists():
                return False
            os.replace(beside, path)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(beside)
        return True


def _put(beside: Path, path: Path) -> None:
    try:
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise


def _written(path: Path, content: bytes, scratch: Path | None) -> Path:
    """The content under another name, on the disk."""
    if scratch is None:
        beside = path.with_name(f".{path.name}.tmp")
    else:
        scratch.mkdir(parents=True, exist_ok=True)
        beside = scratch / f"{path.name}.{os.getpid()}-{uuid.uuid4().hex[:12]}"
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    return beside


def empty_scratch(scratch: Path) -> None:
    """Remove what killed writers left. Only for whoever knows that nobody else writes."""
    shutil.rmtree(scratch, ignore_errors=True)


def sync_folder(path: Path) -> None:
    """Put a folder's entries on the disk, so that a new or renamed file survives a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
