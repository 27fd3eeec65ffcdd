"""Who may write a run at the same time: one process alone, or any number of shards.

The lock spares people double work; it is not what keeps a run whole. Where a cluster's file system
cannot lock, or locks on one machine only, writers that meet still lose nothing: files are renamed
into place under names of their own, and ``journal`` says how records are merged.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import UserError
from ..files.regular_files import open_below
from .files import SCRATCH, disk_errors, empty_scratch

NAME = ".lock"

_NO_LOCKS = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS}
"""Errors of file systems that cannot lock."""


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
        UserError: the folder cannot be written.
    """
    with disk_errors(folder):
        handle = open_below(folder, folder / NAME, os.O_CREAT | os.O_RDWR)
    try:
        alone = _lock(handle, folder, shared) and not shared
        yield alone
        if alone:
            empty_scratch(folder / SCRATCH)
    finally:
        os.close(handle)


def _lock(handle: int, folder: Path, shared: bool) -> bool:
    try:
        return locked(handle, shared=shared)
    except BlockingIOError:
        raise RunIsHeld(
            f"another process is working on {folder}: wait for it or stop it, then give the "
            "command again; only commands with --shard work on a run side by side."
        ) from None


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
