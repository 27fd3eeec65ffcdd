"""Who may write a run at the same time: one process alone, or any number of shards.

The lock spares people double work; it is not what keeps a run whole. Where a cluster's file system
cannot lock, or locks on one machine only, writers that meet still lose nothing: files are renamed
into place under names of their own, and ``journal`` says how records are merged.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import UserError
from ..files.regular_files import open_below
from .files import SCRATCH, disk_errors, empty_scratch

NAME = ".lock"

_NO_LOCKS = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS}
"""Errors of file systems that cannot lock."""

_LOOKS, _LOOK_S = 3, 0.02
"""How often and how long a writer waits for one who only asks whether the run is held."""


class RunIsHeld(UserError):
    """Another process holds the run."""


@contextmanager
def writing(folder: Path, *, shared: bool = False) -> Iterator[bool]:
    """Hold the run for writing; the system lets go when the process ends, however it ends.

    Args:
        folder: the run directory.
        shared: as one of several shards, which can hold it together.

    Returns:
        Whether nobody else can be writing: not shared, and on a file system that locks.

    Raises:
        RunIsHeld: another process holds it.
        UserError: the folder cannot be written, or was taken away meanwhile.
    """
    with disk_errors(folder):
        handle = open_below(folder, folder / NAME, os.O_CREAT | os.O_RDWR)
    try:
        alone = _lock(handle, folder, shared) and not shared
        yield alone
        if alone:
            empty_scratch(folder / SCRATCH)
    except UserError:
        raise
    except Exception as error:
        if folder.is_dir():
            raise
        raise UserError(
            f"{folder} was removed or moved away while it was worked on: put it back to go on, or "
            "leave it out to begin a new run; then give the same command again."
        ) from error
    finally:
        os.close(handle)


def is_held(folder: Path) -> bool:
    """Whether a process writes the run at this moment; False where that cannot be known.

    Changes nothing. It takes the lock for an instant, for which ``writing`` waits.
    """
    try:
        handle = open_below(folder, folder / NAME, os.O_RDONLY)
    except (OSError, UserError):
        return False
    try:
        locked(handle)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(handle)
    return False


def _lock(handle: int, folder: Path, shared: bool) -> bool:
    for _ in range(_LOOKS):
        try:
            return locked(handle, shared=shared)
        except BlockingIOError:
            time.sleep(_LOOK_S)
    raise held_by_another(folder)


def held_by_another(folder: Path) -> RunIsHeld:
    """The refusal of a run that somebody else writes."""
    return RunIsHeld(
        f"another process is working on {folder}: wait for it or stop it, then give the "
        "command again; only commands with --shard work on a run side by side."
    )


def locked(handle: int, *, shared: bool = False) -> bool:
    """Take the lock of an open file without waiting; False where the file system has none.

    Raises:
        BlockingIOError: another process has it.
    """
    try:
        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        return False
    return True
