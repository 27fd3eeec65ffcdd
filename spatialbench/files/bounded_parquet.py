"""Reading a Parquet file that somebody else may have written, in bounded memory.

A few bytes of such a file can stand for any number of equal values. So the end of the file, which
says how many there are, and the header of every page, which says what it unpacks to, are asked
first; and texts are read as numbers of a list in which each stands once, counted, and only then
written out.
"""

from __future__ import annotations

from typing import Any

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
    with parquet.ParquetFile(
        pa.BufferReader(content), page_checksum_verification=True, read_dictionary=texts
    ) as file:
        table = file.read()
    return _texts_written_out(table, texts)


def _bounded(metadata: Any) -> None:
    rows, columns = metadata.num_rows, metadata.num_columns
    groups = [metadata.row_group(place) for place in range(metadata.num_row_groups)]
    if rows != sum(group.num_rows for group in groups):
        raise ValueError("its parts have other rows than it says it has")
    if rows * columns > MOST_CELLS:
        raise ValueError(f"{rows:,} rows of {columns:,} columns are more than any run has")


def _texts_written_out(table: Any, names: list[str]) -> Any:
    import pyarrow as pa
    from pyarrow import compute

    total = 0
    for name in names:
        for chunk in table[name].chunks:
            lengths = compute.binary_length(chunk.dictionary)
            total += compute.sum(lengths.take(chunk.indices)).as_py() or 0
    if total > MOST_TEXT:
        raise ValueError(f"its texts take more than {MOST_TEXT >> 20} MB")
    for name in names:
        place = table.column_names.index(name)
        table = table.set_column(place, name, table[name].cast(pa.string()))
    return table
