"""A pack: an ordinary tar file of images, and an index that says where each of them lies in it.

``packs/images.<time>-<process>-<random>.tar`` holds ``images/<prompt id>/<k>.png`` one behind the
other, so that ``tar xf`` in the run's folder gives the files of a run that is not packed. Of one
image the last entry counts, in the pack of the latest name; an entry of no bytes says that there is
none. ``....index.jsonl`` beside it has one line per entry. It is only a shorter way: whatever it
does not say, or says wrongly, is found by walking through the tar file.
"""

from __future__ import annotations

import os
import re
import tarfile
import time
from collections.abc import Iterator
from typing import NamedTuple

from pydantic_core import from_json

from ..prompts import Key
from .names import safe_id
from .record_lines import encode

FOLDER = "packs"
STEM = "images"
PACK = ".tar"
INDEX = ".index.jsonl"

BLOCK = tarfile.BLOCKSIZE
END = bytes(2 * BLOCK)
"""What a tar file ends with; the next entry is written over it."""

PACK_NAME = re.compile(rf"({STEM}\.\d{{20}}-\d+)-[0-9a-f]{{8}}{re.escape(PACK)}", re.ASCII)
"""Names of packs; what they begin with is their age."""

_MEMBER = re.compile(r"images/([A-Za-z0-9_][A-Za-z0-9._-]{0,127})/(0|[1-9]\d{0,8})\.png", re.ASCII)
_LINE = re.compile(
    rb'\{"prompt_id": "([A-Za-z0-9_][A-Za-z0-9._-]{0,127})", "index": (\d{1,9}), '
    rb'"offset": (\d{1,18}), "bytes": (\d{1,18})\}\n'
)
_FAR = 64 << 20
"""So many bytes without a sound header are looked through for the next one."""


class Entry(NamedTuple):
    """Where an image lies in its pack: its first byte, and how many there are."""

    offset: int
    bytes: int

    @property
    def start(self) -> int:
        """Where its header begins."""
        return self.offset - BLOCK

    @property
    def end(self) -> int:
        """Where the next header begins."""
        return self.offset + self.bytes + -self.bytes % BLOCK


def framed(key: Key, content: bytes) -> bytes:
    """One entry of a tar file: header, content, and zeros up to a whole block.

    Raises:
        UserError: a prompt id that cannot be a folder name.
    """
    header = tarfile.TarInfo(f"images/{safe_id(key[0])}/{key[1]:d}.png")
    header.size = len(content)
    header.mtime = int(time.time())
    return header.tobuf(tarfile.USTAR_FORMAT) + content + bytes(-len(content) % BLOCK)


def header_of(block: bytes) -> tuple[Key | None, int] | None:
    """Which image a header is of, None for something else, and its bytes; None for no header."""
    if len(block) < BLOCK or block[257:262] != b"ustar":
        return None
    try:
        header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return None
    found = _MEMBER.fullmatch(header.name) if header.isreg() else None
    size = header.size if header.isreg() or header.type in _WITH_CONTENT else 0
    return (None if found is None else (found[1], int(found[2]))), size


_WITH_CONTENT = (
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
)


class Walk:
    """The entries that lie in a part of a pack, found by its headers.

    Attributes:
        damaged: where the first bytes stand that belong to no whole entry; None for nowhere. What
            is sound behind them is found all the same.
    """

    def __init__(self, handle: int, start: int, stop: int) -> None:
        self._handle = handle
        self._start = start
        self._stop = stop
        self.damaged: int | None = None

    def __iter__(self) -> Iterator[tuple[Key, Entry]]:
        at = sound = self._start
        while at + BLOCK <= self._stop and at - sound <= _FAR:
            block = os.pread(self._handle, BLOCK, at)
            found = header_of(block)
            entry = Entry(at + BLOCK, found[1] if found else 0)
            if found is None or entry.bytes < 0 or entry.end > self._stop:
                if self.damaged is None and block.strip(b"\0"):
                    self.damaged = at
                at += BLOCK
                continue
            at = sound = entry.end
            if found[0] is not None:
                yield found[0], entry


def index_line(key: Key, entry: Entry) -> bytes:
    """The line of an entry."""
    told = {"offset": entry.offset, "bytes": entry.bytes}
    return encode({"prompt_id": key[0], "index": key[1], **told})


def end_line(end: int) -> bytes:
    """The line that says: up to here, nothing else is in the pack."""
    return encode({"end": end})


def read_index(lines: bytes) -> Iterator[tuple[Key, Entry] | int]:
    """What whole lines of an index say. Raises ValueError, KeyError or TypeError for others."""
    found = _LINE.findall(lines)
    if len(found) == lines.count(b"\n"):
        for prompt_id, index, offset, size in found:
            yield (prompt_id.decode(), int(index)), Entry(int(offset), int(size))
        return
    for line in lines.splitlines(keepends=True):
        if _LINE.fullmatch(line):
            yield from read_index(line)
            continue
        end = from_json(line, allow_inf_nan=False)["end"]
        if type(end) is not int or end < 0:
            raise ValueError("not an end")
        yield end
