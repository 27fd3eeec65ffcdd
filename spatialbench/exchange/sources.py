"""A folder or an archive as a list of files whose names cannot lead out of it."""

from __future__ import annotations

import os
import posixpath
import tarfile
import zipfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from ..errors import UserError
from ..files.regular_files import open_regular

LARGEST = 256 << 20
"""Bytes of one file of a source."""

_COMPANIONS = ("__MACOSX", "@eaDir")
"""Folders in which a file system keeps previews and the like beside the files."""

_REFUSED = (UserError, PermissionError, FileNotFoundError)


@dataclass(frozen=True)
class Source:
    """Files by relative POSIX name.

    Attributes:
        path: the folder or archive.
        names: every file in it, sorted; hidden files are not listed.
        hidden: how many hidden files there are.
        read: the bytes of one of the names.
        concealed: the names of the hidden files.
    """

    path: Path
    names: tuple[str, ...]
    hidden: int
    read: Callable[[str], bytes]
    concealed: tuple[str, ...] = ()


def open_source(path: Path) -> Source:
    """Open a folder, a ``.zip`` or a ``.tar`` (also compressed).

    Raises:
        UserError: nothing there, another kind of file, or a member whose name leads out of the
            archive or that is a link.
    """
    if path.is_dir():
        return _folder(path)
    if not path.exists():
        raise UserError(f"there is nothing at {path}: give a folder, a .zip or a .tar of images.")
    if not path.is_file():
        raise UserError(f"{path} is not a regular file: give a folder, a .zip or a .tar of images.")
    for opened in (_zip, _tar):
        try:
            source = opened(path)
        # What the archive modules raise at broken bytes is no closed list: zlib.error, IndexError.
        except _REFUSED:
            raise
        except Exception as error:
            raise _broken(path, error) from error
        if source is not None:
            return source
    raise UserError(f"{path} is neither a folder nor a .zip or .tar archive: give one of these.")


def inside(name: str, where: Path) -> str:
    """A relative name in its normal form.

    Raises:
        UserError: an absolute name, one with ``..``, a drive or a backslash in it.
    """
    parts = PurePosixPath(name).parts
    odd = "\\" in name or "\0" in name
    if not parts or name.startswith("/") or ".." in parts or odd or ":" in parts[0]:
        raise UserError(
            f"{where} names the file {name!r}, which leads out of it: nothing was read; use "
            "relative names without '..'."
        )
    return str(PurePosixPath(name))


def _folder(path: Path) -> Source:
    root = path.resolve()
    found = []
    for file in sorted(path.rglob("*")):
        name = file.relative_to(path).as_posix()
        if file.is_dir() and not file.is_symlink():
            continue
        # What lies behind a linked folder is not listed, so it would be missing without a word.
        if file.is_dir():
            raise UserError(
                f"{path} holds {name!r}, which is a link to a folder: nothing was read; put the "
                "folder itself there."
            )
        # A link inside the folder may show a file of anyone's, or lead nowhere or in a circle.
        target = os.path.realpath(file)
        if not Path(target).is_relative_to(root) or not os.path.isfile(target):
            raise UserError(
                f"{path} holds {name!r}, which is a link that leads out of it or nowhere, or no "
                "regular file: nothing was read; put the file itself there."
            )
        found.append(name)
    return _source(path, found, _reading(path))


def is_archive(path: Path) -> bool:
    """Whether a file is a ``.zip`` or a ``.tar``."""
    return zipfile.is_zipfile(path) or tarfile.is_tarfile(path)


def open_listed(path: Path, named: Iterable[str]) -> Source:
    """The files that a list names, and the list itself, as a source in the list's folder.

    Nothing else in that folder is looked at. Files that are not there, or that a link leads out
    of the folder to, are left out.
    """
    folder = path.parent
    root = folder.resolve()
    found = {path.name}
    for given in named:
        for name in names_inside(given, folder):
            there = os.path.realpath(folder / name)
            if Path(there).is_relative_to(root) and os.path.isfile(there):
                found.add(name)
    return _source(folder, found, _reading(folder))


def names_inside(given: str, folder: Path, below: str = "") -> list[str]:
    """The names of a source that a list may mean by a path; none for one that leads out.

    Lists hold paths relative to the list, or to the folder in which the tool was started, or
    absolute ones.

    Args:
        given: the path as it stands in the list.
        folder: where the source is.
        below: the list's own folder in the source.
    """
    if not given or "\\" in given or "\0" in given:
        return []
    near = [posixpath.normpath(posixpath.join(below, given)), posixpath.normpath(given)]
    with suppress(ValueError, OSError):
        near.append(Path(os.path.abspath(given)).relative_to(folder.resolve()).as_posix())
    outside = (".", "..")
    inside = (name for name in near if name not in outside and not name.startswith(("/", "../")))
    return list(dict.fromkeys(inside))


def _reading(folder: Path) -> Callable[[str], bytes]:
    def read(name: str) -> bytes:
        with open_regular(folder / name) as file:
            return _limited(file, name, folder)

    return read


def _zip(path: Path) -> Source | None:
    if not zipfile.is_zipfile(path):
        return None
    archive = zipfile.ZipFile(path)
    members = {
        inside(info.filename, path): info
        for info in archive.infolist()
        if not info.filename.endswith("/")
    }

    def read(name: str) -> bytes:
        with archive.open(members[name]) as file:
            return _limited(file, name, path)

    return _source(path, members, _refusing(read, path))


def _tar(path: Path) -> Source | None:
    if not tarfile.is_tarfile(path):
        return None
    archive = tarfile.open(path)  # noqa: SIM115
    members = {}
    for member in archive.getmembers():
        if member.isdir():
            continue
        name = inside(member.name, path)
        if not member.isreg():
            raise UserError(
                f"{path} holds {name!r}, which is a link or a device: nothing was read; pack the "
                "files themselves."
            )
        members[name] = member

    def read(name: str) -> bytes:
        file = archive.extractfile(members[name])
        assert file is not None
        return _limited(file, name, path)

    return _source(path, members, _refusing(read, path))


def _limited(file: IO[bytes], name: str, where: Path) -> bytes:
    """What a file unpacks to, and never more: a small archive can hold a terabyte of zeros."""
    content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise UserError(
            f"{name!r} in {where} is larger than {LARGEST >> 20} MB, which no image of a "
            "benchmark is: take it out."
        )
    return content


def _refusing(read: Callable[[str], bytes], path: Path) -> Callable[[str], bytes]:
    def refusing(name: str) -> bytes:
        try:
            return read(name)
        except _REFUSED:
            raise
        except Exception as error:
            raise _broken(path, error) from error

    return refusing


def _broken(path: Path, error: Exception) -> UserError:
    return UserError(
        f"the archive {path} is broken, or packed or encrypted in a way that cannot be read "
        f"({type(error).__name__}: {error}): unpack it and give the folder, or get it again."
    )


def _source(path: Path, names: Iterable[str], read: Callable[[str], bytes]) -> Source:
    every = sorted(names)
    shown = tuple(name for name in every if not _hidden(name))
    concealed = tuple(name for name in every if _hidden(name))
    return Source(path, shown, len(concealed), read, concealed)


def _hidden(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return any(part.startswith(".") or part in _COMPANIONS for part in parts)
