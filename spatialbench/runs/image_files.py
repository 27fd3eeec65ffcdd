"""Which images are there, in files or in packs, and whether they are what their records say.

A file comes before what a pack has of the same image: whoever writes into a pack removes it.

A size is asked of every file. A hash needs all its bytes, so it is taken of every file only where
that costs a second or two; of more files or bytes than that it is taken of those whose inode
changed after the records were written. Unlike the time of the content, that time cannot be set.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from ..errors import UserError
from ..files.regular_files import folder_below
from ..prompts import Key
from .files import unreadable

SUFFIX = ".png"
_STEM = -len(SUFFIX)

ALWAYS_BYTES = 2 << 30
ALWAYS_FILES = 20_000
"""Up to so many every one is hashed: one or two seconds of a core."""

_THREADS = 8
_NO_LINK = os.O_NOFOLLOW | os.O_CLOEXEC


class ImageRecord(NamedTuple):
    """Of a finished image: its size in bytes, the SHA-256 of its bytes, the seed."""

    bytes: int
    sha256: str
    seed: int | None = None


class FoundFile(NamedTuple):
    """What holds an image: its size in bytes, and when the file's inode changed, in nanoseconds.

    The time is 0 for an image in a pack that nobody but its writer has changed.
    """

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


def unlike_recorded(
    run: Path,
    images: Path,
    sizes: Iterable[tuple[Key, int]],
    packed: Mapping[Key, FoundFile],
    written: int,
) -> tuple[list[Key], list[Key]]:
    """The images that are gone or of another size, and those whose inode changed afterwards.

    Args:
        run: the run directory.
        images: the folder of its images.
        sizes: the images to look for, and their recorded sizes in bytes.
        packed: those that lie in packs, for the ones that have no file of their own.
        written: when the records were written, in nanoseconds.

    Raises:
        UserError: a folder that may not be read.
    """
    gone, late = list[Key](), list[Key]()
    try:
        with ExitStack() as stack:
            try:
                handle = stack.enter_context(folder_below(run, images))
                with os.scandir(handle) as entries:
                    folders = {one.name for one in entries if one.is_dir(follow_symlinks=False)}
            except (FileNotFoundError, NotADirectoryError):
                handle, folders = -1, set()
            for key, known in sizes:
                prompt_id, index = key
                size, changed = None, 0
                if prompt_id in folders:
                    name = f"{prompt_id}/{index}{SUFFIX}"
                    try:
                        file = os.stat(name, dir_fd=handle, follow_symlinks=False)
                    except (FileNotFoundError, NotADirectoryError):
                        pass
                    else:
                        if stat.S_ISREG(file.st_mode):
                            size, changed = file.st_size, file.st_ctime_ns
                if size is None and key in packed:
                    size, changed = packed[key]
                if size != known:
                    gone.append(key)
                elif changed > written:
                    late.append(key)
    except PermissionError as error:
        raise unreadable(images, error) from error
    return gone, late


def altered(
    read: Callable[[Key], bytes], recorded: Mapping[Key, ImageRecord], late: Sequence[Key]
) -> list[Key]:
    """The images that have other bytes than recorded; see the top for which are read.

    Args:
        read: gives the bytes of an image.
        recorded: what is known of the images to look at, which are there in the recorded sizes.
        late: those of them whose inode changed after the records were written.
    """
    keys = late
    if len(recorded) <= ALWAYS_FILES and sum(r.bytes for r in recorded.values()) <= ALWAYS_BYTES:
        keys = list(recorded)
    if not keys:
        return []
    from concurrent.futures import ThreadPoolExecutor

    def differs(key: Key) -> bool:
        try:
            return hashlib.sha256(read(key)).hexdigest() != recorded[key].sha256
        except (OSError, ValueError, UserError):
            return True

    with ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1)) as pool:
        return [key for key, other in zip(keys, pool.map(differs, keys), strict=True) if other]


def _add(found: dict[Key, FoundFile], prompt_id: str, folder: int) -> None:
    with os.scandir(folder) as files:
        for file in files:
            name = file.name
            if not name.endswith(SUFFIX) or not (stem := name[:_STEM]).isdecimal():
                continue
            status = file.stat(follow_symlinks=False)
            if stat.S_ISREG(status.st_mode):
                found[prompt_id, int(stem)] = FoundFile(status.st_size, status.st_ctime_ns)
