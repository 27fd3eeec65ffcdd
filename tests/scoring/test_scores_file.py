"""``scores.parquet``: what is written is read back, and the file is pyarrow's own to the byte."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pyarrow import parquet

from spatialbench.errors import UserError
from spatialbench.plugins import ScoreTable
from spatialbench.prompts import Prompt
from spatialbench.scoring.scores_file import read_table, write_scores
from tests.imported_modules import imported_by

PROMPTS = {name: Prompt(name, "a cat", "single", objects=("cat",)) for name in ("a", "b", "ü")}
KINDS = (np.bool_, np.int8, np.uint8, np.int64, np.float32, np.float64)


def table(facts: dict[str, Any], rows: int) -> ScoreTable:
    place = np.arange(rows, dtype=np.int64) % len(PROMPTS)
    both = {"correct": place == 1, "score": place / 3}
    return ScoreTable(list(PROMPTS.values()), place, place * 2, both | facts)


@given(st.data(), st.integers(1, 20))
def test_columns_are_written_as_pyarrow_writes_them(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, rows: int
) -> None:
    facts = {np.dtype(kind).name: data.draw(hnp.arrays(kind, rows)) for kind in KINDS}
    reasons = data.draw(
        st.lists(st.text(st.characters(codec="utf-8")), min_size=rows, max_size=rows)
    )
    given_table = table(facts, rows)
    path = tmp_path_factory.mktemp("scores") / "scores.parquet"
    write_scores(path, given_table, reasons)

    place = pa.array(given_table.prompt_row)
    whole = {
        "prompt_id": pa.array(list(PROMPTS), pa.string()).take(place),
        "index": pa.array(given_table.index),
        "task": pa.array(["single"] * len(PROMPTS), pa.string()).take(place),
        "correct": pa.array(given_table.columns["correct"]),
        "score": pa.array(given_table.columns["score"]),
        "reason": pa.array(reasons, pa.string()),
    } | {name: pa.array(column) for name, column in facts.items()}
    expected = io.BytesIO()
    parquet.write_table(pa.table(whole), expected, compression="zstd", write_page_checksum=True)
    assert path.read_bytes() == expected.getvalue()

    back, said = read_table(path, PROMPTS)
    assert said == reasons
    assert back.columns.keys() == given_table.columns.keys()
    for name, column in given_table.columns.items():
        assert back.columns[name].dtype == column.dtype
        np.testing.assert_array_equal(back.columns[name], column)
    np.testing.assert_array_equal(back.index, given_table.index)


def test_a_table_is_written_and_read_without_what_takes_longer(tmp_path: Path) -> None:
    code = f"""
from pathlib import Path
from tests.scoring.test_scores_file import PROMPTS, read_table, table, write_scores
path = Path({str(tmp_path / "scores.parquet")!r})
write_scores(path, table({{}}, 3), ["", "a", "b"])
read_table(path, PROMPTS)
"""
    assert not {"pandas", "pyarrow.compute"} & imported_by(code)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "scores.parquet"
    write_scores(path, table({}, 3), ["", "", ""])
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(UserError, match="spatialbench score"):
        read_table(path, PROMPTS)
