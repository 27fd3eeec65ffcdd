"""Appending images to a pack of one's own, whatever somebody does with that pack meanwhile."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from ..files.regular_files import names_below, open_below
from ..prompts import Key
from .files import disk_errors, make_folder, sync_folder
from .journal_writer import OwnFile, name_after, still_named
from .pack_format import BLOCK, END, FOLDER, INDEX, PACK, STEM, Entry, framed, index_line

LARGEST = 4 << 30
"""Bytes after which a writer begins its next pack."""


class PackWriter(OwnFile):
    """Appends images, each on the disk before ``append`` returns.

    The tar file is whole after each call: its end is written with each entry, over the end before.
    Nobody else ever writes to it.
    """

    def __init__(self, run: Path) -> None:
        self._run = run
        self._handle: int | None = None
        self._index: int | None = None
        self._end = 0
        super().__init__()

    def append(self, images: Sequence[tuple[Key, bytes]]) -> None:
        """Add images. After an error the pack holds none of them.

        Raises:
            UserError: no space, no permission, a symbolic link where the folder should be.
        """
        if not images:
            return
        entries = [framed(key, content) for key, content in images]
        joined = b"".join(entries)
        with self._lock, disk_errors(self.path):
            self._append(joined)
            lines = []
            for (key, content), entry in zip(images, entries, strict=True):
                lines.append(index_line(key, Entry(self._end + BLOCK, len(content))))
                self._end += len(entry)
            self._append_index(b"".join(lines))
            if self._end >= LARGEST:
                self._begin_another()

    def _appended(self, content: bytes) -> bool:
        handle = self._open()
        try:
            _write_at(handle, content + END, self._end)
            os.fsync(handle)
        except OSError as error:
            if error.errno == errno.ESTALE:
                return False
            # What may be left of it behind the end is no sound entry.
            with suppress(OSError):
                os.ftruncate(handle, self._end)
                _write_at(handle, END, self._end)
            raise
        return still_named(self._run, self.path, handle)

    def _append_index(self, lines: bytes) -> None:
        """An index that ends too early costs whoever reads it a walk, and no image."""
        if self._index is None:
            return
        try:
            if os.write(self._index, lines) == len(lines):
                return
        except OSError:
            pass
        os.close(self._index)
        self._index = None

    def _open(self) -> int:
        if self._handle is None:
            make_folder(self.path.parent, self._run)
            self._handle = open_below(self._run, self.path, _NEW)
            beside = self.path.with_suffix(INDEX)
            self._index = open_below(self._run, beside, _NEW | os.O_APPEND)
            self._end = 0
            sync_folder(self.path.parent)
            sync_folder(self._run)
        return self._handle

    def _close(self) -> None:
        for handle in (self._handle, self._index):
            if handle is not None:
                os.close(handle)
        self._handle = self._index = None

    def _new_name(self) -> Path:
        folder = self._run / FOLDER
        with suppress(OSError):
            return folder / f"{STEM}.{name_after(names_below(self._run, folder))}{PACK}"
        return folder / f"{STEM}.{name_after([])}{PACK}"


_NEW = os.O_CREAT | os.O_EXCL | os.O_WRONLY


def _write_at(handle: int, content: bytes, place: int) -> None:
    left = memoryview(content)
    while left:
        done = os.pwrite(handle, left, place)
        left, place = left[done:], place + done
