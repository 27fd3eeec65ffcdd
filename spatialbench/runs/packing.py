"""Moving the images of a run into packs, and out of them again.

Nothing is removed before what takes its place is on the disk and was read back.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from ..errors import UserError
from ..files.regular_files import folder_below, open_regular, remove_below
from ..prompts import Key
from .expected import name_some
from .files import disk_errors, make_folder, sync_folder, write_atomic
from .image_files import ImageRecord, image_files
from .opening import Run
from .pack_file import Pack
from .pack_format import FOLDER
from .pack_writer import PackWriter
from .packs import packs_of
from .progress import Progress
from .store import RunDirectory

_BATCH = 64
"""Images that are put on the disk together."""
_THREADS = 8


def pack(run: Run, progress: Progress) -> int:
    """Move the images that lie in files into packs; returns how many were moved.

    A file that has no record, or other bytes than recorded, stays where it is, and is named.

    Raises:
        UserError: another process works on the run, no space, no permission.
    """
    directory = run.directory
    with run.writing():
        finished = directory.recovered_images(progress.notice)
        directory.tidy_packs(finished)
        files = image_files(run.path, directory.images)
        keys = sorted(files, key=run.expected.order)
        progress.begin("pack", 0, len(keys))
        left: list[Key] = []
        with PackWriter(run.path) as writer:
            for some in _batches(keys):
                sound = _sound(directory, some, finished)
                left += [key for key in some if key not in sound]
                writer.append(list(sound.items()))
                _require_readable(directory, sound)
                for key in sound:
                    remove_below(run.path, directory.image_path(*key))
                progress.advance(len(some))
        _remove_empty(run.path, directory.images)
        progress.end()
    if left:
        progress.notice(
            f"{len(left)} image file(s) have no record, or other bytes than recorded, and stay "
            f"where they are: {name_some(left)}."
        )
    return len(keys) - len(left)


def unpack(run: Run, progress: Progress) -> int:
    """Move the images that lie in packs into files of their own; returns how many were moved.

    A pack with an image that cannot be read stays where it is, and that is said.

    Raises:
        UserError: another process works on the run, no space, no permission.
    """
    directory = run.directory
    with run.writing(), disk_errors(run.path / FOLDER):
        finished = directory.recovered_images(progress.notice)
        known = directory.recorded(_silent)
        files = image_files(run.path, directory.images)
        packs = packs_of(run.path)
        # Whoever writes into one all the same sees that it is gone, and writes again.
        taken = packs.take()
        newest = {key: pack for pack in taken for key in pack.entries}
        due = {
            pack.path: [
                key
                for key, entry in pack.entries.items()
                if entry.bytes and newest[key] is pack and key not in files
            ]
            for pack in taken
        }
        progress.begin("unpack", 0, sum(map(len, due.values())))
        moved, lost = 0, list[Key]()
        # The oldest first, so that what a later one says of an image is there as long as it is.
        for one in taken:
            unreadable = []
            for some in _batches(due[one.path]):
                unreadable += _unpacked(directory, one, some)
                progress.advance(len(some))
            moved += len(due[one.path]) - len(unreadable)
            lost += unreadable
            if not lost:
                one.remove()
        if not lost:
            packs.remove_orphans()
            # Something else may lie there, or nothing.
            with suppress(OSError), folder_below(run.path, run.path) as handle:
                os.rmdir(FOLDER, dir_fd=handle)
            if known.keys() == finished.keys():
                directory.image_journal.touch()
        progress.end()
    if lost:
        progress.notice(
            f"{len(lost)} image(s) cannot be read, and the packs from the first of them on are "
            f"kept: {name_some(lost)}; the run's own command makes them again, then give this one "
            "again."
        )
    return moved


def _batches(keys: Sequence[Key]) -> Iterator[Sequence[Key]]:
    for start in range(0, len(keys), _BATCH):
        yield keys[start : start + _BATCH]


def _sound(
    directory: RunDirectory, keys: Sequence[Key], finished: Mapping[Key, ImageRecord]
) -> dict[Key, bytes]:
    """The bytes of those whose file is as recorded."""
    found: dict[Key, bytes] = {}
    for key in keys:
        if key in finished:
            with open_regular(directory.image_path(*key), directory.path) as file:
                content = file.read()
            if hashlib.sha256(content).hexdigest() == finished[key].sha256:
                found[key] = content
    return found


def _require_readable(directory: RunDirectory, images: Mapping[Key, bytes]) -> None:
    packs = packs_of(directory.path)
    for key, content in images.items():
        if packs.read(key, hashlib.sha256(content).hexdigest()) != content:
            raise UserError(
                f"image {key[0]}/{key[1]} was put into a pack and cannot be read back: check the "
                f"disk that holds {directory.path}; its file is kept."
            )


def _unpacked(directory: RunDirectory, one: Pack, keys: Sequence[Key]) -> list[Key]:
    """Write files that are on the disk, with their names; returns what cannot be read."""

    def written(key: Key) -> bool:
        content = one.read(key, one.entries[key])
        if content is None:
            return False
        path = directory.image_path(*key)
        make_folder(path.parent, directory.path)
        write_atomic(path, content, directory.scratch)
        with open_regular(path, directory.path) as file:
            if file.read() != content:
                raise UserError(
                    f"{path} cannot be read back: check the disk that holds it; the pack is kept."
                )
        return True

    with ThreadPoolExecutor(_THREADS) as pool:
        done = list(pool.map(written, keys))
    for folder in {directory.image_path(*key).parent for key in keys}:
        if folder.is_dir():
            sync_folder(folder)
    for folder in (directory.images, directory.path):
        sync_folder(folder)
    return [key for key, there in zip(keys, done, strict=True) if not there]


def _remove_empty(run: Path, images: Path) -> None:
    """Remove the folders that hold nothing any more."""
    with suppress(OSError), folder_below(run, images) as handle:
        for name in os.listdir(handle):
            with suppress(OSError):
                os.rmdir(name, dir_fd=handle)
    with suppress(OSError), folder_below(run, images.parent) as handle:
        os.rmdir(images.name, dir_fd=handle)


def _silent(text: str) -> None:
    """Torn lines are told once."""
