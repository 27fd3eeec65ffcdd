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
- what is merged becomes the finished file only where there is none; else it is merged once more;
- of merges that take files from each other, each waits a random while before its next round,
  longer each time, so that one of them gets through.
"""

from __future__ import annotations

import errno
import os
import random
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from ..files.regular_files import names_below
from ..prompts import Key
from .files import SCRATCH, create_atomic, disk_errors, sync_folder, unreadable
from .journal_writer import JournalWriter, random_name, unique_name
from .record_lines import (
    Content,
    Fields,
    Notice,
    Record,
    read_fields,
    read_key,
    read_lines,
    read_record,
)


class Journal:
    """The finished file at ``path`` and its writers' files beside it.

    ``scratch`` is where merging may write (see ``write_atomic``); None for beside the file. No link
    is followed below the folder that holds it.
    """

    def __init__(self, path: Path, scratch: Path | None = None) -> None:
        self.path = path
        self._scratch = scratch or path.with_name(SCRATCH)
        self.below = self._scratch.parent
        """The folder, such as the run, below which no link is followed."""
        self._own = re.compile(
            rf"{re.escape(path.stem)}(\.{_BEGUN_BY})?{re.escape(path.suffix)}", re.ASCII
        )

    def files(self) -> list[Path]:
        """All files, oldest records first.

        That is: finished files that an interrupted merge had taken, the finished file, and the
        writers' files in the order they were begun. A copy that somebody put beside them under a
        name of his own is none of them.

        Raises:
            UserError: a symbolic link on the way, or a folder that may not be read.
        """
        try:
            there = names_below(self.below, self.path.parent)
        except PermissionError as error:
            raise unreadable(self.path.parent, error) from error
        names = [name for name in there if self._own.fullmatch(name)]
        return [self.path.with_name(name) for name in sorted(names, key=self._age)]

    def records(self, notice: Notice) -> Iterator[Record]:
        """All records; of one image the last one counts."""
        return self.each(read_record, notice)

    def keys(self, notice: Notice) -> set[Key]:
        """The images that have a record. What the record holds besides is not looked at."""
        return set(self.each(read_key, notice))

    def each(self, read: Callable[[bytes], Content], notice: Notice) -> Iterator[Content]:
        """What ``read`` finds in each line."""
        yield from self._each(lambda path: _contents(read_lines(path, read, notice, self.below)))

    def fields(self, fields: Fields[Content], notice: Notice) -> Iterator[Iterable[Content]]:
        """A few fields of each line, some lines at a time; some lines can come twice."""
        yield from self._each(lambda path: read_fields(path, fields, notice, self.below))

    def written(self) -> int:
        """When the records were last written, in nanoseconds; 0 without any."""
        times = []
        for path in self.files():
            with suppress(OSError):
                times.append(os.stat(path, follow_symlinks=False).st_mtime_ns)
        return max(times, default=0)

    def touch(self) -> None:
        """Have the records count as written now: for whoever has compared the images with them."""
        for path in self.files():
            os.utime(path, follow_symlinks=False)

    def writer(self) -> JournalWriter:
        """A new file to append to, for one process; made when the first record comes."""
        return JournalWriter(self.path, self.below)

    def merge(self, order: Callable[[Key], tuple[int, int]], notice: Notice) -> None:
        """Make everything one finished file in run order; nothing to do without writers' files.

        A kill on the way loses nothing, nor does anybody who writes or merges meanwhile.

        Raises:
            UserError: a corrupt line, no space, no permission.
        """
        disturbed = 0
        while (files := self.files()) not in ([], [self.path]):
            begun = time.monotonic()
            with disk_errors(self.path):
                alone = self._merge_once(files, order, notice)
            if not alone:
                disturbed += 1
                round_s = time.monotonic() - begun
                time.sleep(random.uniform(0, round_s * 2 ** min(disturbed, _DOUBLINGS)))

    def _merge_once(
        self, files: list[Path], order: Callable[[Key], tuple[int, int]], notice: Notice
    ) -> bool:
        """Make one file of these; False where another merge was at work on some of them."""
        taken = [mine for path in files if (mine := self._take(path)) is not None]
        lines: dict[Key, bytes] = {}
        for path in taken:
            try:
                found = read_lines(path, read_key, notice, self.below)
                lines.update((key, line) for line, key in found)
            except OSError as error:
                if error.errno not in _TAKEN:
                    raise
        alone = len(taken) == len(files)
        if lines:
            content = b"".join(lines[key] for key in sorted(lines, key=order))
            if not create_atomic(self.path, content, self._scratch):
                alone = False
                create_atomic(self._named(f"{_FINISHED}-{unique_name()}"), content, self._scratch)
            sync_folder(self.path.parent)
        for path in taken:
            try:
                os.unlink(path)
            except FileNotFoundError:
                alone = False
        return alone

    def _take(self, path: Path) -> Path | None:
        """Rename a file to a name of this merge; None where somebody else was faster."""
        age = _FINISHED if path == self.path else path.name.split(".")[-2].rpartition("-")[0]
        mine = self._named(
            f"{age}-{unique_name()}" if path == self.path else f"{age}-{random_name()}"
        )
        try:
            os.replace(path, mine)
        except FileNotFoundError:
            return None
        return mine

    def _each(self, read: Callable[[Path], Iterator[Content]]) -> Iterator[Content]:
        """What is in all files; while somebody merges, some can come twice, and nothing is lost."""
        known: set[tuple[int, int, int]] = set()
        vanished = True
        while vanished:
            vanished = False
            for path in self.files():
                try:
                    now = os.stat(path, follow_symlinks=False)
                    version = (now.st_ino, now.st_size, now.st_mtime_ns)
                    if version not in known:
                        yield from read(path)
                        known.add(version)
                except OSError as error:
                    if error.errno not in _TAKEN:
                        raise
                    vanished = True

    def _named(self, what: str) -> Path:
        return self.path.with_name(f"{self.path.stem}.{what}{self.path.suffix}")

    def _age(self, name: str) -> tuple[int, str]:
        if name == self.path.name:
            return 1, ""
        return (0 if name.startswith(f"{self.path.stem}.{_FINISHED}-") else 2), name


def _contents(lines: Iterator[tuple[bytes, Content]]) -> Iterator[Content]:
    return (content for _, content in lines)


_FINISHED = "finished"
"""Marks a finished file that a merge has taken: older than any writer's."""

_BEGUN_BY = rf"({_FINISHED}-)?\d+-\d+-[0-9a-f]+"
"""What stands between stem and suffix of a writer's file, and of one that a merge took."""


_TAKEN = (errno.ENOENT, errno.ESTALE)
"""What reading a file gives that a merge took meanwhile, here or over NFS."""

_DOUBLINGS = 6
"""A disturbed merge waits at most this power of two of rounds."""
