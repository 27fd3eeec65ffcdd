"""Which image files are there, and whether they still are what their records say.

A size is asked of every file. A hash needs all its bytes, so it is taken of every file only where
that costs a second or two; of more files or bytes than that it is taken of those whose inode
changed after the records were written. Unlike the time of the content, that time cannot be set.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ..errors import UserError
from ..files.regular_files import folder_below, open_regular
from ..prompts import Key
from .files import unreadable

SUFFIX = ".png"

ALWAYS_BYTES = 2 << 30
ALWAYS_FILES = 20_000
"""Up to so many every one is hashed: one or two seconds of a core."""

_THREADS = 8
_NO_LINK = os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True)
class ImageRecord:
    """Of a finished image: the size of its file in bytes, the file's SHA-256, the seed."""

    bytes: int
    sha256: str
    seed: int | None = None


@dataclass(frozen=True)
class FoundFile:
    """A regular file: its size in bytes, and when its inode changed, in nanoseconds."""

    bytes: int
    changed: int


def image_files(run: Path, images: Path) -> dict[Key, FoundFile]:
    """The regular files ``<prompt id>/<k>.png``; what is reached through a link is left out.

    Raises:
        UserError: a folder that may not be read.
    """
    found: dict[Key, FoundFile] = {}
    try:
        with folder_below(run, images) as handle:
            folders = sorted(os.listdir(handle))
            for name in folders:
                try:
                    inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | _NO_LINK, dir_fd=handle)
                except (NotADirectoryError, FileNotFoundError):
                    continue
                except OSError as error:
                    if stat.S_ISDIR(os.stat(name, dir_fd=handle, follow_symlinks=False).st_mode):
                        raise unreadable(images / name, error) from error
                    continue
                try:
                    _add(found, name, inner)
                finally:
                    os.close(inner)
    except (FileNotFoundError, NotADirectoryError):
        return found
    except PermissionError as error:
        raise unreadable(images, error) from error
    return found


def altered(
    run: Path,
    paths: Mapping[Key, Path],
    recorded: Mapping[Key, ImageRecord],
    files: Mapping[Key, FoundFile],
    written: int,
) -> list[Key]:
    """The images whose files have other bytes than recorded; see the top for which are read.

    Args:
        run: below which no link is followed.
        paths: the files to look at.
        recorded: their records.
        files: what is there of them, of the recorded sizes.
        written: when the records were written, in nanoseconds.
    """
    keys: Iterable[Key] = paths
    if len(paths) > ALWAYS_FILES or sum(files[key].bytes for key in paths) > ALWAYS_BYTES:
        keys = [key for key in paths if files[key].changed > written]

    def differs(key: Key) -> bool:
        return _sha256(paths[key], run) != recorded[key].sha256

    with ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1)) as pool:
        listed = list(keys)
        return [key for key, other in zip(listed, pool.map(differs, listed), strict=True) if other]


def _sha256(path: Path, run: Path) -> str | None:
    try:
        with open_regular(path, run) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError, UserError):
        return None


def _add(found: dict[Key, FoundFile], prompt_id: str, folder: int) -> None:
    with os.scandir(folder) as files:
        for file in files:
            stem, suffix = file.name[: -len(SUFFIX)], file.name[-len(SUFFIX) :]
            if suffix != SUFFIX or not stem.isdecimal():
                continue
            status = file.stat(follow_symlinks=False)
            if stat.S_ISREG(status.st_mode):
                found[prompt_id, int(stem)] = FoundFile(status.st_size, status.st_ctime_ns)
