"""One record per line: reading lines that may be torn or corrupt, and writing one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from io import BufferedReader
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic_core import from_json

from ..errors import UserError
from ..files.documents import LINE
from ..files.regular_files import open_regular
from ..plugins.records import IMAGE_HASH, key_of
from ..prompts import Key
from .files import unreadable
from .image_files import ImageRecord

Notice = Callable[[str], None]
Record = dict[str, Any]
Content = TypeVar("Content")

_BEGINS = rb'\{"prompt_id": "([A-Za-z0-9_.-]+)", "index": (\d+), '
_START = re.compile(_BEGINS)


def read_lines(
    path: Path, read: Callable[[bytes], Content], notice: Notice, below: Path | None = None
) -> Iterator[tuple[bytes, Content]]:
    """Lines of one file, each with its newline, and what ``read`` finds in it.

    A last line that is torn (a kill or a full disk cut it off) is dropped, with a notice.

    Args:
        path: the file.
        read: finds something in a line.
        notice: told of a torn line.
        below: the run, below which no link is followed.

    Raises:
        UserError: any other line that ``read`` refuses, with its number; what is not a regular
            file, is reached through a link, or may not be read.
        OSError: the file is gone.
    """
    torn: str | None = None
    with open_records(path, below) as file:
        # A line beyond the limit comes in pieces without an end, and is refused as such.
        for number, line in enumerate(iter(partial(file.readline, LINE), b""), 1):
            if torn is not None:
                raise _corrupt(path, number - 1, torn)
            try:
                if not line.endswith(b"\n"):
                    raise ValueError("the line has no end")
                content = read(line)
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                torn = f"{type(error).__name__}: {error}"
                if line.endswith(b"}\n"):
                    raise _corrupt(path, number, torn) from error
                continue
            yield line, content
    if torn is not None:
        notice(f"{path.name}: the last line was torn by an interruption; dropped, the rest kept.")


def read_record(line: bytes) -> Record:
    """The record in a line. Raises ValueError, KeyError or TypeError for anything else, or NaN."""
    # Three times as fast as json, and the same numbers to the last bit.
    record: Record = from_json(line, allow_inf_nan=False)
    key_of(record)
    return record


def read_key(line: bytes) -> Key:
    """The image a line is about, without reading the rest of a line that begins as ours do."""
    start = _START.match(line)
    if start and line.endswith(b"}\n"):
        return start[1].decode(), int(start[2])
    return key_of(read_record(line))


@dataclass(frozen=True)
class Fields(Generic[Content]):
    """A few fields of each line, found without reading the rest of lines that begin as ours do.

    Attributes:
        pattern: matches the beginning of such a line, and a brace that ends the line before.
        of: gives the fields of some lines, given a column for each of the pattern's groups.
        otherwise: gives them, given any line.
        once: what stands in no line whose last group was not found, and once in the others.
    """

    pattern: re.Pattern[bytes]
    of: Callable[..., Iterable[Content]]
    otherwise: Callable[[bytes], Content]
    once: bytes

    def fit(self, lines: bytes, columns: Sequence[Sequence[bytes]]) -> bool:
        """Whether these whole lines all begin as ours do, and the fields stand nowhere else."""
        if not columns or not lines.endswith(b"}\n"):
            return False
        found = len(columns[-1])
        named = found - columns[-1].count(b"")
        return lines.count(b"\n") == found and (named == found or lines.count(self.once) == named)


def read_fields(
    path: Path, fields: Fields[Content], notice: Notice, below: Path | None = None
) -> Iterator[Iterable[Content]]:
    """The fields of each line of one file, some lines at a time; as ``read_lines``, and faster.

    Where lines begin differently all are read again, so that some can come twice.
    """
    with open_records(path, below) as file:
        while block := file.read(_BLOCK):
            block += file.readline(LINE)
            columns = [*zip(*fields.pattern.findall(b"}\n" + block), strict=True)]
            if not fields.fit(block, columns):
                break
            yield fields.of(*columns)
        else:
            return
    for _, content in read_lines(path, fields.otherwise, notice, below):
        yield (content,)


_BLOCK = 1 << 18
"""Bytes, and the rest of a line: what a processor keeps near while it looks at them."""


def _image_record(line: bytes) -> tuple[Key, ImageRecord | None]:
    record = read_record(line)
    size, sha256 = record.get("bytes"), record.get("sha256")
    told = None if size is None or sha256 is None else ImageRecord(size, sha256, record.get("seed"))
    return key_of(record), told


def _image_records(
    prompt_ids: Sequence[bytes],
    indexes: Sequence[bytes],
    seeds: Sequence[bytes],
    sizes: Sequence[bytes],
    hashes: Sequence[bytes],
) -> Iterable[tuple[Key, ImageRecord]]:
    records = zip(map(int, sizes), _texts(hashes), _numbers(seeds), strict=True)
    return zip(_keys(prompt_ids, indexes), map(_record_of, records), strict=True)


_record_of: Callable[[tuple[Any, ...]], ImageRecord] = partial(tuple.__new__, ImageRecord)
"""A quarter of the time of ``ImageRecord._make``."""


def _images_seen(
    prompt_ids: Sequence[bytes], indexes: Sequence[bytes], hashes: Sequence[bytes]
) -> Iterable[tuple[Key, str | None]]:
    named = (one or None for one in _texts(hashes))
    return zip(_keys(prompt_ids, indexes), named, strict=True)


def _keys(prompt_ids: Sequence[bytes], indexes: Sequence[bytes]) -> Iterable[Key]:
    return zip(_texts(prompt_ids), _numbers(indexes), strict=True)


def _texts(column: Sequence[bytes]) -> list[str]:
    """Decoded at once: none holds a line break."""
    return b"\n".join(column).decode().split("\n")


def _numbers(column: Sequence[bytes]) -> Iterable[Any]:
    """Of few different ones: whole numbers, and None for ``null``."""
    known = {text: None if text == b"null" else int(text) for text in set(column)}
    return map(known.__getitem__, column)


def _image_seen(line: bytes) -> tuple[Key, str | None]:
    record = read_record(line)
    sha256 = record.get(IMAGE_HASH)
    if not isinstance(sha256, str | None):
        raise TypeError(f"{IMAGE_HASH} must be text")
    return key_of(record), sha256


IMAGE_RECORD: Fields[tuple[Key, ImageRecord | None]] = Fields(
    re.compile(
        rb"\}\n" + _BEGINS + rb'"seed": (null|-?\d+), "bytes": (\d+), '
        rb'"sha256": "([0-9a-f]{64})"(?=[,}])'
    ),
    _image_records,
    _image_record,
    b'"sha256": "',
)
"""The image and what its record says of it; None where that is not its size and hash."""

IMAGE_SEEN: Fields[tuple[Key, str | None]] = Fields(
    re.compile(rb"\}\n" + _BEGINS + rb'(?:"image_sha256": "([0-9a-f]{64})", )?'),
    _images_seen,
    _image_seen,
    IMAGE_HASH.encode(),
)
"""The image that a record of what was seen is about, and its hash where that is named."""


def encode(record: Mapping[str, Any]) -> bytes:
    """One line; the same record gives the same bytes. Raises ValueError for NaN."""
    return json.dumps(record, allow_nan=False).encode() + b"\n"


def open_records(path: Path, below: Path | None) -> BufferedReader:
    """A file of records, opened. Raises UserError for what is none, OSError where it is gone."""
    try:
        return open_regular(path, below)
    except ValueError as error:
        raise UserError(
            f"{path} cannot be read ({error}): it must be a file of records; restore it, or remove "
            "what stands there, and its images are done again."
        ) from error
    except PermissionError as error:
        raise unreadable(path, error) from error


def _corrupt(path: Path, number: int, what: str) -> UserError:
    return UserError(
        f"{path}, line {number}, is corrupt ({what}): delete that line (its image is then done "
        "again) or restore the file, and give the command again."
    )
