"""One record a line: reading lines that may be torn or corrupt, and writing one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from pydantic_core import from_json

from ..documents import LINE
from ..errors import UserError
from .expected import Key

Notice = Callable[[str], None]
Record = dict[str, Any]
Content = TypeVar("Content")

_START = re.compile(rb'\{"prompt_id": "([A-Za-z0-9_.-]+)", "index": (\d+), ')


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


def _corrupt(path: Path, number: int, what: str) -> UserError:
    return UserError(
        f"{path}, line {number}, is corrupt ({what}): delete that line (its image is then done "
        "again) or restore the file, and give the command again."
    )
