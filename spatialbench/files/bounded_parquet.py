"""Reading a Parquet file that somebody else may have written, in bounded memory.

A few bytes of such a file can stand for any number of equal values. So the end of the file, which
says how many there are, and the header of every page, which says what it unpacks to, are asked
first; and texts are read as numbers of a list in which each stands once, counted, and only then
written out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .parquet_pages import unpacked_bytes

MOST_CELLS = 20_000_000
"""Rows times columns: a million images with twenty facts each."""

MOST_BYTES = 512 << 20
"""Of all pages, unpacked."""

FEW_BYTES, MOST_TIMES = 64 << 20, 100
"""Pages that unpack to more than the first may not be more than so many times their file."""

MOST_TEXT = 256 << 20
"""Bytes of all texts together, each counted as often as it stands there."""


def read_bounded(content: bytes) -> Any:
    """The table in a file: a ``pyarrow.Table`` of truth values, numbers and texts.

    Args:
        content: the whole file.

    Raises:
        ValueError: more than is read here, or columns of other kinds.
        Exception: whatever broken bytes make pyarrow raise.
    """
    import pyarrow as pa
    from pyarrow import parquet

    metadata = parquet.read_metadata(pa.BufferReader(content))
    _bounded(metadata)
    unpacked = unpacked_bytes(content, metadata)
    if unpacked > min(MOST_BYTES, max(FEW_BYTES, MOST_TIMES * len(content))):
        raise ValueError(f"its {len(content):,} bytes unpack to {unpacked:,}")
    texts = []
    for field in metadata.schema.to_arrow_schema():
        kind = field.type
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            texts.append(field.name)
        elif not (
            pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind)
        ):
            raise ValueError(f"its column {field.name!r} is of {kind}")
    if texts and sum(map(_bytes_written_out, _read(content, texts, texts).columns)) > MOST_TEXT:
        raise ValueError(f"its texts take more than {MOST_TEXT >> 20} MB")
    return _read(content)


def _read(content: bytes, columns: list[str] | None = None, listed: Sequence[str] = ()) -> Any:
    """The table, or some columns; in those that are listed each text stands once."""
    import pyarrow as pa
    from pyarrow import parquet

    with parquet.ParquetFile(
        pa.BufferReader(content), page_checksum_verification=True, read_dictionary=listed
    ) as file:
        return file.read(columns=columns)


def _bounded(metadata: Any) -> None:
    rows, columns = metadata.num_rows, metadata.num_columns
    groups = [metadata.row_group(place) for place in range(metadata.num_row_groups)]
    if rows != sum(group.num_rows for group in groups):
        raise ValueError("its parts have other rows than it says it has")
    if rows * columns > MOST_CELLS:
        raise ValueError(f"{rows:,} rows of {columns:,} columns are more than any run has")


def _bytes_written_out(column: Any) -> int:
    """Of the texts of a column, whose chunks are of ``pyarrow.DictionaryArray``.

    By their buffers: to import ``pyarrow.compute`` takes longer than to read most files.
    """
    total = 0
    for chunk in column.chunks:
        if chunk.null_count == len(chunk):
            continue
        texts, rows = chunk.dictionary, chunk.indices
        wide = np.int64 if str(texts.type).startswith("large") else np.int32
        ends = np.frombuffer(texts.buffers()[1], wide)[texts.offset : texts.offset + len(texts) + 1]
        there, held = rows.buffers()
        kind = rows.type.to_pandas_dtype()
        places = np.frombuffer(held, kind)[rows.offset : rows.offset + len(rows)]
        if rows.null_count:
            places = places[truth_values(there, rows.offset, len(rows))]
        total += int(np.diff(ends)[places].sum())
    return total


def truth_values(bits: Any, offset: int, length: int) -> NDArray[np.bool_]:
    """Some of the truth values that a ``pyarrow.Buffer`` holds, a bit each."""
    unpacked = np.unpackbits(np.frombuffer(bits, np.uint8), bitorder="little")
    return unpacked[offset : offset + length].astype(bool)
