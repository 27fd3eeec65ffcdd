"""Records of finished work as JSON Lines: safe to kill, many writers, one order at the end.

Every writer appends to a file of its own beside the finished file (``images.jsonl`` has writers
``images.<time>-<process>-<random>.jsonl``). When a stage is complete they are merged into the
finished file in run order, so that an interrupted run ends with the same bytes as any other.

Merging needs no lock, because a file is removed only by the one who renamed it to a name of its
own, and only after its records stand in another file:

- a merger first renames every file it takes, the finished one included; of two, one gets it;
- a writer looks after each append whether its file still has its name. If not, somebody took it,
  perhaps before the append: the records are written again, to a new file. A record that stands
  twice does no harm;
- what is merged becomes the finished file only where there is none; else it is merged once more.
"""

from __future__ import annotations

import errno
import os
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from .expected import Key
from .files import SCRATCH, create_atomic, disk_errors, make_folder, sync_folder
from .record_lines import Content, Notice, Record, encode, read_key, read_lines, read_record


class Journal:
    """The finished file at ``path`` and its writers' files beside it.

    ``scratch`` is where merging may write (see ``write_atomic``); None for beside the file.
    """

    def __init__(self, path: Path, scratch: Path | None = None) -> None:
        self.path = path
        self._scratch = scratch or path.with_name(SCRATCH)

    def files(self) -> list[Path]:
        """All files, oldest records first.

        That is: finished files that an interrupted merge had taken, the finished file, and the
        writers' files in the order they were begun.
        """
        if not self.path.parent.is_dir():
            return []
        prefix, suffix = f"{self.path.stem}.", self.path.suffix
        names = [
            entry.name
            for entry in os.scandir(self.path.parent)
            if entry.name == self.path.name
            or (entry.name.startswith(prefix) and entry.name.endswith(suffix))
        ]
        return [self.path.with_name(name) for name in sorted(names, key=self._age)]

    def records(self, notice: Notice) -> Iterator[Record]:
        """All records; of one image the last one counts."""
        for _, record in self._lines(read_record, notice):
            yield record

    def keys(self, notice: Notice) -> set[Key]:
        """The images that have a record. What the record holds besides is not looked at."""
        return {key for _, key in self._lines(read_key, notice)}

    def writer(self) -> JournalWriter:
        """A new file to append to, for one process; made when the first record comes."""
        return JournalWriter(self.path)

    def merge(self, order: Callable[[Key], tuple[int, int]], notice: Notice) -> None:
        """Make everything one finished file in run order; nothing to do without writers' files.

        A kill on the way loses nothing, nor does anybody who writes or merges meanwhile.

        Raises:
            UserError: a corrupt line, no space, no permission.
        """
        while (files := self.files()) not in ([], [self.path]):
            lines: dict[Key, bytes] = {}
            with disk_errors(self.path):
                taken = [mine for path in files if (mine := self._take(path)) is not None]
                if not taken:
                    continue
                for path in taken:
                    with suppress(FileNotFoundError):
                        for line, key in read_lines(path, read_key, notice):
                            lines[key] = line
                content = b"".join(lines[key] for key in sorted(lines, key=order))
                if not create_atomic(self.path, content, self._scratch):
                    create_atomic(self._named(f"{_FINISHED}-{_unique()}"), content, self._scratch)
                sync_folder(self.path.parent)
                for path in taken:
                    with suppress(FileNotFoundError):
                        os.unlink(path)

    def _take(self, path: Path) -> Path | None:
        """Rename a file to a name of this merge; None where somebody else was faster."""
        age = _FINISHED if path == self.path else path.name.split(".")[-2].rpartition("-")[0]
        mine = self._named(f"{age}-{_unique()}" if path == self.path else f"{age}-{_random()}")
        try:
            os.replace(path, mine)
        except FileNotFoundError:
            return None
        return mine

    def _lines(
        self, read: Callable[[bytes], Content], notice: Notice
    ) -> Iterator[tuple[bytes, Content]]:
        """The lines of all files; while somebody merges, some can come twice, and none is lost."""
        known: set[tuple[int, int, int]] = set()
        vanished = True
        while vanished:
            vanished = False
            for path in self.files():
                try:
                    now = os.stat(path)
                    version = (now.st_ino, now.st_size, now.st_mtime_ns)
                    if version not in known:
                        yield from read_lines(path, read, notice)
                        known.add(version)
                except OSError as error:
                    if error.errno not in (errno.ENOENT, errno.ESTALE):
                        raise
                    vanished = True

    def _named(self, what: str) -> Path:
        return self.path.with_name(f"{self.path.stem}.{what}{self.path.suffix}")

    def _age(self, name: str) -> tuple[int, str]:
        if name == self.path.name:
            return 1, ""
        return (0 if name.startswith(f"{self.path.stem}.{_FINISHED}-") else 2), name


class JournalWriter:
    """Appends records, each on the disk before ``append`` returns. Safe to share among threads.

    ``path`` is the file in use; there is none before the first record, and another one after a
    merge has taken it.
    """

    def __init__(self, finished: Path) -> None:
        self._finished = finished
        self._lock = threading.Lock()
        self._handle: int | None = None
        self.path = self._new_name()

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
            while not self._appended(content):
                self._close()
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

    def _appended(self, content: bytes) -> bool:
        """Append; False where a merge may have taken the file before it held this."""
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
        return self._still_named(handle)

    def _still_named(self, handle: int) -> bool:
        # Opened and not only asked for: over NFS the name alone may come from a cache.
        try:
            named = os.open(self.path, os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            return os.path.sameopenfile(named, handle)
        finally:
            os.close(named)

    def _new_name(self) -> Path:
        """A name that sorts after those there are, even where the clock was set back since."""
        begun = time.time_ns()
        with suppress(FileNotFoundError, NotADirectoryError):
            there = map(_BEGUN.search, os.listdir(self._finished.parent))
            begun = max([begun, *(int(name[1]) + 1 for name in there if name)])
        name = f"{self._finished.stem}.{_unique(begun)}{self._finished.suffix}"
        return self._finished.with_name(name)

    def _open(self) -> int:
        if self._handle is None:
            make_folder(self.path.parent)
            self._handle = os.open(self.path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o666)
            sync_folder(self.path.parent)
        return self._handle

    def _close(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


_FINISHED = "finished"
"""Marks a finished file that a merge has taken: older than any writer's."""


_BEGUN = re.compile(r"\.(\d{20})-")


def _unique(begun: int | None = None) -> str:
    """Names that sort by time and that no two processes of any machines give."""
    return f"{time.time_ns() if begun is None else begun:020d}-{os.getpid()}-{_random()}"


def _random() -> str:
    return uuid.uuid4().hex[:8]
