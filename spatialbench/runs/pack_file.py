"""One pack as this process knows it: where its images lie, and what is wrong with it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from ..files.documents import LINE
from ..files.regular_files import open_regular, remove_below
from ..prompts import Key
from .files import SCRATCH, write_atomic
from .journal_writer import random_name
from .pack_format import (
    BLOCK,
    INDEX,
    PACK,
    PACK_NAME,
    Entry,
    Walk,
    end_line,
    header_of,
    index_line,
    read_index,
)

_WRITING_NS = 60 * 10**9
"""An entry and its line in the index are written within this time."""

_READ = 1 << 20


class Pack:
    """One pack. Not safe among threads; ``Packs`` is.

    Attributes:
        entries: where its images lie; of no bytes for those that it says are not there.
        damage: sentences about what is not as its writer left it, since it was last tidied.
        changed: see ``FoundFile``.
    """

    def __init__(self, path: Path, run: Path) -> None:
        self.path = path
        self._run = run
        self._seen: object = None
        self._forget()

    def _forget(self) -> None:
        self.entries: dict[Key, Entry] = {}
        self.damage: list[str] = []
        self.changed = 0
        self._end = self._index_read = 0
        self._walked = False

    @property
    def index(self) -> Path:
        """The file beside it."""
        return self.path.with_suffix(INDEX)

    @property
    def untidy(self) -> bool:
        """Whether a new index would spare others a walk, or a suspicion."""
        return self._walked or bool(self.damage or self.changed)

    def refresh(self) -> None:
        """Look what is new in it. Raises OSError where it is gone, UserError for a link."""
        with open_regular(self.path, self._run) as file:
            now = os.fstat(file.fileno())
            seen = now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns
            if seen == self._seen:
                return
            if now.st_size < self._end:
                self._forget()
            handle = file.fileno()
            if not (indexed := self._read_index(handle, now.st_size)):
                self._forget()
            self._walk(handle, now.st_size, "its index is damaged or not its own" * (not indexed))
            late = now.st_ctime_ns - self._index_written()
            expected = self._walked and late < _WRITING_NS
            self.changed = 0 if late <= 0 or expected else now.st_ctime_ns
            self._seen = seen

    def read(self, key: Key, entry: Entry) -> bytes | None:
        """The bytes of an image; None where another entry, or none, stands there.

        Raises:
            OSError: the pack is gone or cannot be read.
        """
        with open_regular(self.path, self._run) as file:
            content = os.pread(file.fileno(), BLOCK + entry.bytes, entry.start)
        if header_of(content[:BLOCK]) != (key, entry.bytes):
            return None
        return content[BLOCK:] if len(content) == BLOCK + entry.bytes else None

    def walk_again(self) -> None:
        """Find everything by the headers, whatever the index says."""
        with open_regular(self.path, self._run) as file:
            self._forget()
            self._walk(file.fileno(), os.fstat(file.fileno()).st_size, "its index is wrong")

    def tidy(self) -> None:
        """Write the index anew, so that everything found here is said in it."""
        lines = [index_line(key, entry) for key, entry in self.entries.items()]
        write_atomic(self.index, b"".join([*lines, end_line(self._end)]), self._run / SCRATCH)
        self._forget()
        self._seen = None

    def rename(self) -> None:
        """Give it another name of the same age."""
        named = PACK_NAME.fullmatch(self.path.name)
        assert named is not None
        path = self.path.with_name(f"{named[1]}-{random_name()}{PACK}")
        with suppress(FileNotFoundError):
            os.replace(self.index, path.with_suffix(INDEX))
        os.replace(self.path, path)

    def remove(self) -> None:
        """Remove it and its index."""
        for path in (self.path, self.index):
            remove_below(self._run, path)

    def _read_index(self, handle: int, size: int) -> bool:
        """Take what the index says; False where it is not this pack's, or damaged."""
        last = None
        try:
            with open_regular(self.index, self._run) as file:
                if os.fstat(file.fileno()).st_size < self._index_read:
                    return False
                file.seek(self._index_read)
                while block := file.read(_READ):
                    block += file.readline(LINE)
                    whole = block[: block.rfind(b"\n") + 1]
                    for told in read_index(whole):
                        if isinstance(told, int):
                            self._end = max(self._end, min(told, size))
                            continue
                        last = key, entry = told
                        offset, count = entry
                        end = offset + count + -count % BLOCK
                        if end > size or offset % BLOCK or offset < BLOCK:
                            return False
                        if offset - BLOCK > self._end:
                            self.entries.update(Walk(handle, self._end, offset - BLOCK))
                        self.entries[key] = entry
                        if end > self._end:
                            self._end = end
                    self._index_read += len(whole)
                    if len(whole) < len(block):
                        # Its writer is just writing that line, was killed there, or it was cut.
                        break
        except FileNotFoundError:
            return self._index_read == 0
        except (ValueError, KeyError, TypeError, RecursionError):
            return False
        if last is None:
            return True
        key, entry = last
        return header_of(os.pread(handle, BLOCK, entry.start)) == (key, entry.bytes)

    def _walk(self, handle: int, size: int, why: str) -> None:
        """Find what the index does not say."""
        walk = Walk(handle, self._end, size)
        found = list(walk)
        if found:
            self.entries.update(found)
            self._end = found[-1][1].end
        count = len(found)
        self._walked = self._walked or bool(count or why)
        # The last entry of a writer that is at work, or was killed, is no damage.
        if why or count > 1:
            why = why or "its index ends too early"
            self.damage.append(f"{self.path.name}: {why}; {count:,} image(s) were found without.")
        if walk.damaged is not None:
            self._end = size - size % BLOCK
            self._walked = True
            self.damage.append(
                f"{self.path.name}: an entry at byte {walk.damaged:,} was cut by an interruption, "
                "or is damaged; dropped, the rest kept."
            )

    def _index_written(self) -> int:
        try:
            return os.stat(self.index, follow_symlinks=False).st_mtime_ns
        except OSError:
            return 0
