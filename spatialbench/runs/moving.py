"""Removing a run, moving it, and naming it: whole or not at all, and never one that is written.

A run that is removed is first renamed to a hidden name beside its place, which is one step: after
it nobody takes what is left for a run, however the command ends. The next removal beside it, or
below that folder, removes that rest too.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..errors import UserError
from .files import SCRATCH, disk_errors, make_folder, place_errors
from .finding import runs_below, runs_root
from .lock import NAME as LOCK
from .lock import held_by_another, is_held, writing
from .manifest import NAME, checked_name, read_manifest, write_manifest
from .whole_folder import whole_folder

_REMOVED = re.compile(r"\.removed-[0-9a-f]{12}-[0-9a-f]{12}")


def require_run(folder: Path) -> Path:
    """The folder itself, if it is that of one run which this version reads and nobody writes.

    Raises:
        UserError: no run directory, a link to one, one whose manifest is damaged, one in which
            other runs lie, or one that another process writes.
    """
    if folder.is_symlink():
        raise UserError(
            f"{folder} is a link to {os.readlink(folder)}: name that folder itself, or remove the "
            f"link with 'rm {folder}'."
        )
    if not folder.is_dir():
        raise UserError(f"there is no run directory {folder}; 'spatialbench runs' lists them.")
    if not (folder / NAME).is_file() and (inside := runs_below(folder)):
        raise UserError(
            f"{folder} is not a run but a folder above {len(inside)}: name the run itself, such as "
            f"{inside[0]}."
        )
    try:
        read_manifest(folder)
    except UserError as error:
        if not (folder / NAME).is_file():
            raise
        way = "If it is to go all the same, remove or move the folder yourself."
        raise UserError(f"{error} {way}") from error
    inner = [run for child in _folders(folder) for run in runs_below(child)]
    if inner:
        raise UserError(
            f"other runs lie inside of {folder}, such as {inner[0]}: move them away first, with "
            "'spatialbench runs mv'."
        )
    if is_held(folder):
        raise held_by_another(folder)
    return folder


def _folders(folder: Path) -> list[Path]:
    """Folders in a run that a run has no use for, so that another may lie there."""
    own = {"images", "detections", "answers", "similarities", "depth", "rules", SCRATCH}
    with os.scandir(folder) as entries:
        there = [e.name for e in entries if e.is_dir(follow_symlinks=False)]
    return [folder / name for name in sorted(there) if name not in own]


def remove_run(folder: Path) -> None:
    """Remove a run directory with all that is in it; links in it are removed, not followed.

    Folders above it that are then empty, below the folder of the runs, are removed too.

    Raises:
        UserError: no run, another process that writes it, or no permission.
    """
    place = require_run(folder).resolve()
    gone = place.with_name(f".removed-{read_manifest(folder).id}-{uuid.uuid4().hex[:12]}")
    with writing(folder), disk_errors(folder):
        os.rename(place, gone)
    _tidy(place.parent)


def _remove(left: Path) -> None:
    """A renamed run, which another command may be removing too."""

    def unless_gone(_: Any, path: str, raised: tuple[type, BaseException, Any]) -> None:
        error = raised[1]
        if isinstance(error, OSError) and not isinstance(error, FileNotFoundError):
            raise UserError(
                f"the run is removed, and its files still lie in {left}, because {path} cannot be "
                f"removed ({error.strerror}): change its permissions, then remove that folder."
            ) from error
        if not isinstance(error, FileNotFoundError):
            raise error

    shutil.rmtree(left, onerror=unless_gone)


def _tidy(folder: Path) -> None:
    """Remove what is left of removed runs in a folder, and in those above up to that of the runs.

    Those below that of the runs that are then empty go too.
    """
    root = runs_root().resolve()
    inside = folder.is_relative_to(root)
    while True:
        for left in sorted(folder.glob(".removed-*")):
            if _REMOVED.fullmatch(left.name) and not left.is_symlink():
                _remove(left)
        if not inside or folder == root:
            return
        with suppress(OSError):
            folder.rmdir()
        folder = folder.parent


def move_run(folder: Path, to: Path) -> Path:
    """Move a run directory; returns where it is now.

    Args:
        to: its new place; a folder that is there takes the run in, under the name it has.

    Raises:
        UserError: no run, another process that writes it, a place that is taken or that lies in a
            run, or no permission.
    """
    require_run(folder)
    with place_errors(to):
        if to.is_dir() and not (to / NAME).exists():
            to = to / folder.resolve().name
        source, target = folder.resolve(), to.parent.resolve() / to.name
    if os.path.lexists(target):
        raise UserError(f"{to} is there already: give a place that is free.")
    for above in target.parents:
        if _is_run(above):
            raise UserError(f"{to} lies inside of the run {above}: give a place outside of it.")
    make_folder(target.parent)
    with writing(folder), place_errors(to):
        try:
            os.rename(source, target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            _copy(source, target)
        else:
            _tidy(source.parent)
            return to
    remove_run(folder)
    return to


def _is_run(folder: Path) -> bool:
    with suppress(UserError):
        return read_manifest(folder) is not None
    return False


def _copy(source: Path, target: Path) -> None:
    """To another file system: whole, with the times of the files, links as links."""
    left_out = shutil.ignore_patterns(LOCK, SCRATCH)
    try:
        with whole_folder(target) as building:
            shutil.copytree(source, building, symlinks=True, dirs_exist_ok=True, ignore=left_out)
    except shutil.Error as error:
        first = error.args[0][0]
        raise UserError(
            f"{first[0]} cannot be copied to {target} ({first[2]}): nothing was moved. Give "
            "another place, or make that file readable and give the same command again."
        ) from error


def name_run(folder: Path, name: str | None) -> None:
    """Set what a run is called in tables; None takes its name away.

    Raises:
        UserError: no run, another process that writes it, or a text that is no name.
    """
    checked = None if name is None else checked_name(name, "NAME")
    read_manifest(folder)
    with writing(folder):
        write_manifest(folder, read_manifest(folder).model_copy(update={"name": checked}))
