"""Records of finished work as JSON Lines: safe to kill, many writers, one order at the end.

Every writer appends to a file of its own beside the finished file (``images.jsonl`` has writers
``images.<time>-<process>-<random>.jsonl``). When a stage is complete they are merged into the
finished file in run order, so that an interrupted run ends with the same bytes as any other.
"""

from __future__ import annotations

import json
import os
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from ..errors import UserError
from .expected import Key
from .files import disk_errors, make_folder, sync_folder, write_atomic

Notice = Callable[[str], None]
Record = dict[str, Any]
Content = TypeVar("Content")


def _refuse(constant: str) -> float:
    raise ValueError(f"the number {constant}")


_START = re.compile(rb'\{"prompt_id": "([A-Za-z0-9_.-]+)", "index": (\d+), ')
_decode = json.JSONDecoder(parse_constant=_refuse).decode


def read_lines(
    path: Path, read: Callable[[bytes], Content], notice: Notice
) -> Iterator[tuple[bytes, Content]]:
    """Lines of one file, each with its newline, and what ``read`` finds in it.

    A last line that is torn (a kill or a full disk cut it off) is dropped, and said.

    Raises:
        UserError: any other line that ``read`` refuses; the message gives its number.
    """
    torn: str | None = None
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if torn is not None:
                raise _corrupt(path, number - 1, torn)
            try:
                if not line.endswith(b"\n"):
                    raise ValueError("the line has no end")
                content = read(line)
            except (ValueError, KeyError, TypeError) as error:
                torn = f"{type(error).__name__}: {error}"
                if line.endswith(b"}\n"):
                    raise _corrupt(path, number, torn) from error
                continue
            yield line, content
    if torn is not None:
        notice(f"{path.name}: the last line was torn by an interruption; dropped, the rest kept.")


def read_record(line: bytes) -> Record:
    """The record in a line. Raises ValueError, KeyError or TypeError for anything else, or NaN."""
    record: Record = _decode(line.decode())
    if not (type(record["prompt_id"]) is str and type(record["index"]) is int):
        raise TypeError("prompt_id must be text and index a whole number")
    return record


def read_key(line: bytes) -> Key:
    """The image a line is about, without reading the rest of a line that begins as ours do."""
    start = _START.match(line)
    if start and line.endswith(b"}\n"):
        return start[1].decode(), int(start[2])
    record = read_record(line)
    return record["prompt_id"], record["index"]


def encode(record: Mapping[str, Any]) -> bytes:
    """One line; the same record gives the same bytes. Raises ValueError for NaN."""
    return json.dumps(record, allow_nan=False).encode() + b"\n"


class Journal:
    """The finished file at ``path`` and its writers' files beside it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def files(self) -> list[Path]:
        """The finished file, then the writers' files in the order they were begun."""
        if not self.path.parent.is_dir():
            return []
        prefix = f"{self.path.stem}."
        writers = sorted(
            entry.path
            for entry in os.scandir(self.path.parent)
            if entry.name.startswith(prefix)
            and entry.name.endswith(self.path.suffix)
            and entry.name != self.path.name
        )
        finished = [self.path] if self.path.exists() else []
        return [*finished, *map(Path, writers)]

    def records(self, notice: Notice) -> Iterator[Record]:
        """All records; of one image the last one counts."""
        for path in self.files():
            for _, record in read_lines(path, read_record, notice):
                yield record

    def keys(self, notice: Notice) -> set[Key]:
        """The images that have a record. What the record holds besides is not looked at."""
        return {key for path in self.files() for _, key in read_lines(path, read_key, notice)}

    def writer(self) -> JournalWriter:
        """A new file to append to, for one process; made when the first record comes."""
        name = f"{time.time_ns():020d}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        return JournalWriter(self.path.with_name(f"{self.path.stem}.{name}{self.path.suffix}"))

    def merge(self, order: Callable[[Key], tuple[int, int]], notice: Notice) -> None:
        """Make everything one finished file in run order; nothing to do without writers' files.

        A kill on the way loses nothing: the finished file is replaced whole, and a writer's file
        goes only after that.

        Raises:
            UserError: a corrupt line, no space, no permission.
        """
        files = self.files()
        if files in ([], [self.path]):
            return
        lines: dict[Key, bytes] = {}
        for path in files:
            for line, key in read_lines(path, read_key, notice):
                lines[key] = line
        write_atomic(self.path, b"".join(lines[key] for key in sorted(lines, key=order)))
        sync_folder(self.path.parent)
        for path in files:
            if path != self.path:
                path.unlink(missing_ok=True)


class JournalWriter:
    """Appends records, each on the disk before ``append`` returns. Safe to share among threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._handle: int | None = None

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
            handle = self._open()
            start = os.lseek(handle, 0, os.SEEK_END)
            try:
                left = memoryview(content)
                while left:
                    left = left[os.write(handle, left) :]
                os.fsync(handle)
            except OSError:
                os.ftruncate(handle, start)
                raise

    def close(self) -> None:
        """Close the file; a writer that never appended leaves none."""
        with self._lock:
            if self._handle is not None:
                os.close(self._handle)
                self._handle = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _open(self) -> int:
        if self._handle is None:
            make_folder(self.path.parent)
            self._handle = os.open(self.path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o666)
            sync_folder(self.path.parent)
        return self._handle


def _corrupt(path: Path, number: int, what: str) -> UserError:
    return UserError(
        f"{path}, line {number}, is corrupt ({what}): delete that line (its image is then done "
        "again) or restore the file, and give the command again."
    )
