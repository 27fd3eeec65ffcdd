"""Small files of very many values, refused before they are in memory."""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from spatialbench.stages import bounded_parquet
from spatialbench.stages.bounded_parquet import read_bounded


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
