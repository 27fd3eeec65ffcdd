"""A folder of results that is there whole or not at all: built beside its place, then renamed."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import UserError
from .files import disk_errors, make_folder, place_errors
from .lock import locked

_IN_USE = {errno.EBUSY, errno.EXDEV}


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """An empty folder to fill, which takes the place of ``folder`` when the block ends.

    What stood at ``folder`` is then removed, so ask before whether it may be. What a killed command
    left half-built is removed by the next one. After an error nothing of the new folder is left.

    Raises:
        UserError: another process fills it, no space, no permission, or a place that cannot be
            renamed, such as a mounted disk.
    """
    with place_errors(folder):
        # A link that the user named stays a link.
        place = folder.resolve() if folder.is_symlink() else folder
    place = place.absolute()
    building = place.with_name(f".{place.name}.unfinished")
    make_folder(place.parent)
    with place_errors(folder):
        handle = _claimed(building, folder)
    with disk_errors(folder):
        try:
            try:
                yield building
            except BaseException:
                shutil.rmtree(building, ignore_errors=True)
                raise
            _take_place(building, place)
        finally:
            os.close(handle)


def _claimed(building: Path, folder: Path) -> int:
    """Make the folder, or empty what was left there, while nobody else does."""
    with suppress(FileExistsError):
        os.mkdir(building)
    if building.is_symlink() or not building.is_dir():
        building.unlink()
        os.mkdir(building)
    handle = os.open(building, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        _lock(handle, folder)
        if not os.path.samestat(os.stat(building), os.fstat(handle)):
            raise _in_use(folder)
        for name in os.listdir(handle):
            _remove(building / name)
    except BaseException:
        os.close(handle)
        raise
    return handle


def _lock(handle: int, folder: Path) -> None:
    try:
        locked(handle)
    except BlockingIOError:
        raise _in_use(folder) from None


def _in_use(folder: Path) -> UserError:
    return UserError(
        f"another process is writing {folder}: wait for it, or give --out another folder."
    )


def _take_place(building: Path, place: Path) -> None:
    old = place.with_name(f".{place.name}.replaced")
    _remove(old)
    try:
        if os.path.lexists(place):
            os.rename(place, old)
        os.rename(building, place)
    except OSError as error:
        if error.errno not in _IN_USE:
            raise
        raise UserError(
            f"{place} cannot be replaced ({error.strerror}): give --out a new folder inside it."
        ) from error
    _remove(old)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
