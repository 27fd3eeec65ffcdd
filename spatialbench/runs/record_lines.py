"""One record per line: reading lines that may be torn or corrupt, and writing one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from io import BufferedReader
from pathlib import Path
from typing import Any, TypeVar

from pydantic_core import from_json

from ..errors import UserError
from ..files.documents import LINE
from ..files.regular_files import open_regular
from ..plugins.records import IMAGE_HASH, key_of
from ..prompts import Key
from .files import unreadable

Notice = Callable[[str], None]
Record = dict[str, Any]
Content = TypeVar("Content")

_IMAGE = re.compile(rb'"image_sha256": "([0-9a-f]{64})", ')
_START = re.compile(rb'\{"prompt_id": "([A-Za-z0-9_.-]+)", "index": (\d+), ')


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


def read_key_and_image(line: bytes) -> tuple[Key, str | None]:
    """The same, and the hash of the image's file where the line names one."""
    start = _START.match(line)
    if start and line.endswith(b"}\n"):
        key = start[1].decode(), int(start[2])
        image = _IMAGE.match(line, start.end())
        if image:
            return key, image[1].decode()
        if IMAGE_HASH.encode() not in line:
            return key, None
    record = read_record(line)
    sha256 = record.get(IMAGE_HASH)
    if not isinstance(sha256, str | None):
        raise TypeError(f"{IMAGE_HASH} must be text")
    return key_of(record), sha256


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
