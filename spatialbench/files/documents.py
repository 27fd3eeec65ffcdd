"""Documents that somebody else may have written: JSON of bounded size and depth, or an error."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from .regular_files import open_regular

if TYPE_CHECKING:
    from pydantic import ValidationError

SMALL = 16 << 20
"""Bytes of a document that describes something: a manifest, a gate, published figures."""

LARGE = 512 << 20
"""Bytes of a document with one record per image, such as VISOR's results of 126,720 images."""

LINE = 16 << 20
"""Bytes of one record of JSON Lines."""

_WIDE = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte order marks of other encodings; UTF-32's first, because UTF-16's begins it."""

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def parse_json(content: bytes | str) -> Any:
    """The value of a JSON text. NaN and infinity are read as Python reads them.

    Raises:
        ValueError: no JSON, an encoding other than UTF-8 (-16, -32), half a surrogate pair, which
            no file could hold again, or a nesting too deep to read.
    """
    try:
        value = json.loads(content)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    raw = content if isinstance(content, bytes) else content.encode(errors="surrogatepass")
    if _SURROGATE.search(raw) or b"\0" in raw:
        _encodable(value)
    return value


def read_json(path: Path, limit: int = SMALL, below: Path | None = None) -> Any:
    """The value in a JSON file.

    Raises:
        UserError: as ``read_limited``.
        OSError: it cannot be opened or read.
        ValueError: as ``parse_json`` and ``read_limited``.
    """
    return parse_json(read_limited(path, limit, below))


def read_limited(path: Path, limit: int = SMALL, below: Path | None = None) -> bytes:
    """The bytes of a file, which takes no more memory than ``limit``; see ``without_mark``.

    Args:
        path: the file.
        limit: how many bytes it may have.
        below: the folder, such as a run, below which no link is followed; None for a file that the
            user named.

    Raises:
        UserError: a symbolic link below ``below``.
        OSError: it cannot be opened or read.
        ValueError: more bytes than that, or a pipe or device, which may never end.
    """
    with open_regular(path, below) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        size = f"{limit >> 20} MB" if limit >= 1 << 20 else f"{limit >> 10} kB"
        raise ValueError(f"it is larger than {size}")
    return without_mark(content)


def without_mark(content: bytes) -> bytes:
    """UTF-8 without a byte order mark; text that its mark says is UTF-16 or -32 becomes UTF-8.

    PowerShell and Excel write such marks, and Python's and pydantic's readers differ in which they
    take.

    Raises:
        ValueError: a mark of UTF-16 or -32 before something else.
    """
    for mark, encoding in _WIDE:
        if content.startswith(mark):
            return content.decode(encoding).encode()
    return content.removeprefix(codecs.BOM_UTF8)


def json_lines(content: bytes) -> list[bytes]:
    r"""The lines of JSON Lines, which end at ``\n`` and nowhere else.

    ``str.splitlines`` also splits at U+2028, U+2029, U+0085 and others that JSON text may hold.
    """
    return content.removesuffix(b"\n").split(b"\n") if content else []


def limited_lines(file: BinaryIO, limit: int = LINE) -> Iterator[bytes]:
    """Lines with their ends, none of which takes more memory than ``limit``.

    A byte order mark before the first is left out.

    Raises:
        ValueError: a longer line, or a file that begins with the mark of UTF-16 or -32.
    """
    first = True
    while line := file.readline(limit + 1):
        if len(line) > limit:
            raise ValueError(f"the line is longer than {limit >> 20} MB")
        if first:
            wide = next((name for mark, name in _WIDE if line.startswith(mark)), None)
            if wide:
                raise ValueError(f"its byte order mark says {wide.upper()}: save it as UTF-8")
            line = line.removeprefix(codecs.BOM_UTF8)
            first = False
        yield line


def first_error(error: ValidationError) -> str:
    """The first thing that pydantic found wrong and where: ``metrics.OA: Field required``."""
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc'])) or 'top'}: {first['msg']}"


def _encodable(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError("it holds half a surrogate pair, which is not text") from None
