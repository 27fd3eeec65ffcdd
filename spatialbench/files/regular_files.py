"""Opening files that somebody else may have put there, without waiting and through no link.

Two things make a name dangerous. What stands there may never end (a pipe, a device), so that only
regular files are opened, and opening waits for nobody. And below a folder that came from elsewhere,
such as a run directory, a link may show or change any file of the user: every step below that
folder is taken from the step before, and a link is refused at each.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path

from ..errors import UserError

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# Opening a pipe or a terminal must neither wait nor make it ours.
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


@contextmanager
def folder_below(below: Path, folder: Path, *, make: bool = False) -> Iterator[int]:
    """A descriptor of a folder, reached from ``below`` through no link.

    Args:
        below: where the descent begins; it may itself be named through links.
        folder: the same folder, or one below it.
        make: make what is missing of ``folder``; ``below`` must be there.

    Raises:
        UserError: a symbolic link on the way.
        OSError: no such folder, or one that cannot be opened or made.
        ValueError: a folder that is not below ``below``.
    """
    names = folder.relative_to(below).parts
    if ".." in names:
        raise ValueError(f"{folder} leads out of {below}")
    handle = os.open(below, _FOLDER)
    try:
        at = below
        for name in names:
            at = at / name
            if make:
                with suppress(FileExistsError):
                    os.mkdir(name, dir_fd=handle)
            inner = _open(name, _FOLDER, handle, at, below)
            os.close(handle)
            handle = inner
        yield handle
    finally:
        os.close(handle)


def open_below(below: Path, path: Path, flags: int) -> int:
    """``os.open`` of a regular file below a folder, through no link and without waiting.

    Raises:
        UserError: a symbolic link on the way or at its end, or not a regular file.
        OSError: as ``os.open``.
    """
    handle = None
    with folder_below(below, path.parent) as folder:
        try:
            handle = _open(path.name, flags | os.O_NONBLOCK, folder, path, below)
        except OSError as error:
            # Of a socket, or of a pipe that nobody reads.
            if error.errno != errno.ENXIO:
                raise
    if handle is not None:
        if stat.S_ISREG(os.fstat(handle).st_mode):
            return handle
        os.close(handle)
    raise UserError(f"{path} is not a regular file: remove what stands there.")


def open_regular(path: Path, below: Path | None = None) -> BufferedReader:
    """Open a file for reading its bytes.

    Args:
        path: the file.
        below: the folder below which no link is followed; None for a file that the user named
            directly, which may be a link.

    Raises:
        UserError: a symbolic link below ``below``.
        OSError: it cannot be opened.
        ValueError: a pipe, a device, a socket or a folder, which may never end.
    """
    try:
        if below is None:
            handle = os.open(path, _READ)
        else:
            with folder_below(below, path.parent) as folder:
                handle = _open(path.name, _READ, folder, path, below)
    except OSError as error:
        if error.errno == errno.ENXIO:
            raise ValueError("it is not a regular file") from error
        raise
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise ValueError("it is not a regular file")
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def is_regular(path: Path, below: Path) -> bool:
    """Whether a regular file stands there, reached from ``below`` through no link."""
    try:
        open_regular(path, below).close()
    except (OSError, ValueError, UserError):
        return False
    return True


def names_below(below: Path, folder: Path) -> list[str]:
    """The sorted names in a folder; empty where there is none.

    Raises:
        UserError: a symbolic link on the way.
        OSError: a folder that cannot be read.
    """
    try:
        with folder_below(below, folder) as handle:
            return sorted(os.listdir(handle))
    except (FileNotFoundError, NotADirectoryError):
        return []


def remove_below(below: Path, path: Path) -> None:
    """Remove a file, or a link in its place; nothing to do where there is none.

    Raises:
        UserError: a symbolic link on the way to it.
        OSError: a folder, or no permission.
    """
    with suppress(FileNotFoundError), folder_below(below, path.parent) as folder:
        os.unlink(path.name, dir_fd=folder)


def link_refused(path: Path, below: Path) -> UserError:
    """The refusal of a link."""
    return UserError(
        f"{path} is a symbolic link, which can lead out of {below}: put the file or folder itself "
        "there, or remove the link."
    )


def _open(name: str, flags: int, folder: int, path: Path, below: Path) -> int:
    try:
        return os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666, dir_fd=folder)
    except OSError as error:
        # Systems disagree about the error number of a refused link.
        if _is_link(name, folder):
            raise link_refused(path, below) from error
        error.filename = str(path)
        raise


def _is_link(name: str, folder: int) -> bool:
    try:
        return stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except OSError:
        return False
