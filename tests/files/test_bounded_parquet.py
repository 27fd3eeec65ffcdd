"""Small files of very many values, refused before they are in memory."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from spatialbench.files import bounded_parquet
from spatialbench.files.bounded_parquet import read_bounded
from spatialbench.files.parquet_pages import unpacked_bytes


def content(**columns: Any) -> bytes:
    buffer = io.BytesIO()
    parquet.write_table(pa.table(columns), buffer, compression="zstd")
    return buffer.getvalue()


def test_what_is_written_is_read() -> None:
    table = read_bounded(content(index=[1, 2], reason=["a", "a"], score=[0.5, 1.0]))
    assert table.to_pydict() == {"index": [1, 2], "reason": ["a", "a"], "score": [0.5, 1.0]}


def test_more_cells_than_any_run_has() -> None:
    bomb = content(zero=pa.array([0]).take(pa.array([0] * (bounded_parquet.MOST_CELLS + 1))))
    assert len(bomb) < 1 << 18
    with pytest.raises(ValueError, match="more than any run has"):
        read_bounded(bomb)


def test_a_long_text_a_million_times() -> None:
    rows = pa.array([0] * 100_000)
    bomb = content(reason=pa.DictionaryArray.from_arrays(rows, pa.array(["x" * 10_000])))
    assert len(bomb) < 1 << 18
    with pytest.raises(ValueError, match=r"texts take more than|is of dictionary"):
        read_bounded(bomb)
    with pytest.raises(ValueError, match="texts take more than"):
        read_bounded(content(reason=pa.array(["x" * 10_000]).take(rows)))


@pytest.mark.parametrize("column", [[[1, 2]], [{"a": 1}], [b"bytes"], [None]])
def test_columns_of_other_kinds(column: Any) -> None:
    with pytest.raises(ValueError, match="is of"):
        read_bounded(content(odd=column))


def _varint(value: int, length: int) -> bytes:
    """A number as Parquet's headers have it, in so many bytes."""
    value <<= 1
    groups = [value >> 7 * place & 127 for place in range(length)]
    return bytes([*(group | 128 for group in groups[:-1]), groups[-1]])


def test_an_end_that_lies_about_the_pages() -> None:
    """30 kB that take 3 GB, and whose end says 100 bytes."""
    buffer = io.BytesIO()
    table = pa.table({"reason": ["a" * (200 << 20)]})
    parquet.write_table(
        table, buffer, compression="zstd", use_dictionary=False, write_statistics=False
    )
    honest = buffer.getvalue()
    group = parquet.read_metadata(io.BytesIO(honest)).row_group(0)
    end = len(honest) - 8 - int.from_bytes(honest[-8:-4], "little")
    footer = honest[end:]
    for told in {group.total_byte_size, group.column(0).total_uncompressed_size}:
        footer = footer.replace(_varint(told, 5), _varint(100, 5))
    bomb = honest[:end] + footer
    assert len(bomb) < 1 << 15
    assert parquet.read_metadata(io.BytesIO(bomb)).row_group(0).total_byte_size == 100
    with pytest.raises(ValueError, match="bytes unpack to"):
        read_bounded(bomb)


@pytest.mark.parametrize("compression", ["zstd", "snappy", "gzip", "none"])
@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_the_pages_are_added_up(compression: str, version: str) -> None:
    """Against the end of an honest file, which counts the headers too."""
    table = pa.table(
        {
            "index": range(40_000),
            "reason": [f"reason {i % 7_000}" for i in range(40_000)],
            "score": [i / 3 for i in range(40_000)],
            "correct": [i % 3 == 0 for i in range(40_000)],
        }
    )
    buffer = io.BytesIO()
    parquet.write_table(
        table,
        buffer,
        compression=compression,
        data_page_version=version,
        data_page_size=2000,
        row_group_size=15_000,
        write_page_checksum=True,
    )
    metadata = parquet.read_metadata(io.BytesIO(buffer.getvalue()))
    told = sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
    found = unpacked_bytes(buffer.getvalue(), metadata)
    assert 0.9 * told < found < told
    assert read_bounded(buffer.getvalue()).equals(table)


@given(st.integers(4, 400), st.binary(min_size=1, max_size=12))
def test_damaged_headers_end_in_an_error_or_a_sum(place: int, damage: bytes) -> None:
    whole = content(index=[1, 2], reason=["a", "b"])
    metadata = parquet.read_metadata(io.BytesIO(whole))
    damaged = bytearray(whole)
    damaged[place : place + len(damage)] = damage
    with contextlib.suppress(ValueError):
        assert unpacked_bytes(bytes(damaged[: len(whole)]), metadata) >= 0


@settings(max_examples=40)
@given(
    st.lists(st.none() | st.sampled_from(["", "a", "Ünïcode", "longer"]), min_size=1, max_size=40),
    st.integers(1, 15),
    st.booleans(),
)
def test_texts_are_counted_as_often_as_they_stand_there(
    texts: list[str | None], rows: int, large: bool
) -> None:
    kind = pa.large_string() if large else pa.string()
    table = pa.table({"index": range(len(texts)), "reason": pa.array(texts, kind)})
    buffer = io.BytesIO()
    parquet.write_table(table, buffer, row_group_size=rows)
    written_out = sum(len(text.encode()) for text in texts if text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bounded_parquet, "MOST_TEXT", written_out)
        assert read_bounded(buffer.getvalue()).to_pydict() == table.to_pydict()
        patch.setattr(bounded_parquet, "MOST_TEXT", written_out - 1)
        with pytest.raises(ValueError, match="texts take more than"):
            read_bounded(buffer.getvalue())
