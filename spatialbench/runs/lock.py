"""One process at a time writes a run."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import UserError
from .files import disk_errors

NAME = ".lock"

# File systems that cannot lock; a run there relies on the user starting it once.
_NO_LOCKS = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS}


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Hold the run for writing; the system lets go when the process ends, however it ends.

    Raises:
        UserError: another process holds it, or the folder cannot be written.
    """
    with disk_errors(folder):
        handle = os.open(folder / NAME, os.O_CREAT | os.O_RDWR, 0o666)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                f"another process is working on {folder}: wait for it or stop it, then give the "
                "command again."
            ) from None
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
        yield
    finally:
        os.close(handle)
