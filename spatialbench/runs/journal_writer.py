"""Appending records to a file of one's own, whatever a merge does with that file meanwhile."""

from __future__ import annotations

import errno
import os
import re
import threading
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ..files.regular_files import names_below, open_below
from .files import disk_errors, make_folder, sync_folder
from .record_lines import encode


class OwnFile(ABC):
    """A file of a run that one writer appends to. Safe to share among threads.

    ``path`` is the file in use; there is none before the first append, and another one after
    somebody has taken it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.path = self._new_name()

    def close(self) -> None:
        """Close the file; a writer that never appended leaves none."""
        with self._lock:
            self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _append(self, content: bytes) -> None:
        """Append to a file that nobody has taken, the lock being held."""
        while not self._appended(content):
            self._begin_another()

    def _begin_another(self) -> None:
        self._close()
        self.path = self._new_name()

    @abstractmethod
    def _appended(self, content: bytes) -> bool:
        """Append; False where somebody may have taken the file before it held this."""

    @abstractmethod
    def _close(self) -> None:
        """Close what is open."""

    @abstractmethod
    def _new_name(self) -> Path:
        """A path that no other writer has."""


class JournalWriter(OwnFile):
    """Appends records, each on the disk before ``append`` returns; a merge may take the file."""

    def __init__(self, finished: Path, below: Path | None = None) -> None:
        """``below`` is the run, below which no link is followed; None for the file's folder."""
        self._finished = finished
        self._below = below or finished.parent
        self._handle: int | None = None
        super().__init__()

    def append(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Add records. After an error the file holds none of them.

        Raises:
            UserError: no space, no permission.
            ValueError: a record that holds NaN or infinity.
        """
        content = b"".join(map(encode, records))
        if not content:
            return
        with self._lock, disk_errors(self.path):
            self._append(content)

    def _appended(self, content: bytes) -> bool:
        handle = self._open()
        start = os.lseek(handle, 0, os.SEEK_END)
        try:
            left = memoryview(content)
            while left:
                left = left[os.write(handle, left) :]
            os.fsync(handle)
        except OSError as error:
            if error.errno == errno.ESTALE:
                return False
            os.ftruncate(handle, start)
            raise
        return still_named(self._below, self.path, handle)

    def _new_name(self) -> Path:
        there: Iterable[str] = ()
        with suppress(OSError):
            there = names_below(self._below, self._finished.parent)
        name = f"{self._finished.stem}.{name_after(there)}{self._finished.suffix}"
        return self._finished.with_name(name)

    def _open(self) -> int:
        if self._handle is None:
            make_folder(self.path.parent, self._below)
            self._handle = open_below(self._below, self.path, _NEW)
            sync_folder(self.path.parent)
        return self._handle

    def _close(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def still_named(below: Path, path: Path, handle: int) -> bool:
    """Whether an open file of a run still has its name, so that nobody has taken it."""
    # Opened and not only asked for: over NFS the name alone may come from a cache.
    try:
        named = open_below(below, path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        return os.path.sameopenfile(named, handle)
    finally:
        os.close(named)


def name_after(there: Iterable[str]) -> str:
    """A unique name that sorts after those there are, even where the clock was set back since."""
    begun = (int(name[1]) + 1 for name in map(_BEGUN.search, there) if name)
    return unique_name(max([time.time_ns(), *begun]))


def unique_name(begun: int | None = None) -> str:
    """Names that sort by time and that no two processes of any machines give."""
    return f"{time.time_ns() if begun is None else begun:020d}-{os.getpid()}-{random_name()}"


def random_name() -> str:
    """Eight hexadecimal digits, different each time."""
    return uuid.uuid4().hex[:8]


_NEW = os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_WRONLY

_BEGUN = re.compile(r"\.(\d{20})-")
