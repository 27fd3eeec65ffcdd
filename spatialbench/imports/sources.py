"""A folder or an archive as a list of files whose names cannot lead out of it."""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..errors import UserError


@dataclass(frozen=True)
class Source:
    """Files by relative POSIX name.

    Attributes:
        path: the folder or archive.
        names: every file in it, sorted; hidden files are not listed.
        hidden: how many hidden files there are.
        read: the bytes of one of the names.
    """

    path: Path
    names: tuple[str, ...]
    hidden: int
    read: Callable[[str], bytes]


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
    if zipfile.is_zipfile(path):
        return _zip(path)
    if tarfile.is_tarfile(path):
        return _tar(path)
    raise UserError(f"{path} is neither a folder nor a .zip or .tar archive: give one of these.")


def inside(name: str, where: Path) -> str:
    """A relative name in its normal form.

    Raises:
        UserError: an absolute name, one with ``..``, a drive or a backslash in it.
    """
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or "\\" in name or ":" in parts[0]:
        raise UserError(
            f"{where} names the file {name!r}, which leads out of it: nothing was read; use "
            "relative names without '..'."
        )
    return str(PurePosixPath(name))


def _folder(path: Path) -> Source:
    root = path.resolve()
    found = []
    for file in sorted(path.rglob("*")):
        if file.is_dir():
            continue
        name = file.relative_to(path).as_posix()
        # A link inside the folder may show a file of anyone's.
        if not file.resolve().is_relative_to(root):
            raise UserError(
                f"{path} holds the link {name!r}, which leads out of it: nothing was read; put "
                "the file itself there."
            )
        found.append(name)
    names, hidden = _shown(found)
    return Source(path, names, hidden, lambda name: (path / name).read_bytes())


def _zip(path: Path) -> Source:
    archive = zipfile.ZipFile(path)
    members = {
        inside(info.filename, path): info for info in archive.infolist() if not info.is_dir()
    }
    names, hidden = _shown(members)
    return Source(path, names, hidden, lambda name: archive.read(members[name]))


def _tar(path: Path) -> Source:
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
        return file.read()

    names, hidden = _shown(members)
    return Source(path, names, hidden, read)


def _shown(names: Iterable[str]) -> tuple[tuple[str, ...], int]:
    every = sorted(names)
    shown = tuple(name for name in every if not _hidden(name))
    return shown, len(every) - len(shown)


def _hidden(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return any(part.startswith(".") or part == "__MACOSX" for part in parts)
