"""``scores.parquet``, one row per image, and ``summary.json``: written whole, known by hashes."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError, typed
from ..files.bounded_parquet import read_bounded, truth_values
from ..files.documents import LARGE, read_limited
from ..files.regular_files import open_regular
from ..plugins import ScoreTable
from ..prompts import Prompt
from ..runs.files import SCRATCH, write_atomic
from ..runs.store import RunDirectory
from .summary import Summary


def write_scored(
    directory: RunDirectory, summary: Summary, table: ScoreTable, reasons: list[str]
) -> Summary:
    """Write what a score is; the summary with the hashes it is known by.

    Raises:
        UserError: no space, no permission.
    """
    sealed = summary.sealed(scores_sha256=write_scores(directory.scores, table, reasons))
    # Last, because the summary is what says that the scores are there.
    write_atomic(directory.summary, sealed.text().encode(), directory.scratch)
    return sealed


def write_scores(path: Path, table: ScoreTable, reasons: list[str]) -> str:
    """Write the rows: prompt_id, index, task, correct, score, reason, then the rule's facts.

    Returns:
        The SHA-256 (hex) of the file, by which the summary knows it.

    Raises:
        UserError: no space, no permission.
    """
    import pyarrow as pa
    from pyarrow import parquet

    prompts = [table.prompts[row] for row in table.prompt_row.tolist()]
    columns: dict[str, Any] = {
        "prompt_id": _texts([prompt.id for prompt in prompts]),
        "index": _packed(table.index),
        "task": _texts([prompt.task for prompt in prompts]),
        "correct": _packed(table.columns["correct"]),
        "score": _packed(table.columns["score"]),
        "reason": _texts(reasons),
    }
    for name, column in table.columns.items():
        columns.setdefault(name, _packed(column))
    buffer = io.BytesIO()
    # With a checksum a page: without it a flipped bit is read as another number.
    parquet.write_table(pa.table(columns), buffer, compression="zstd", write_page_checksum=True)
    write_atomic(path, buffer.getvalue(), path.parent / SCRATCH)
    return hashlib.sha256(buffer.getvalue()).hexdigest()


def scores_hash(path: Path) -> str | None:
    """The SHA-256 (hex) of the file as it is, or None where it cannot be read."""
    try:
        with open_regular(path, path.parent) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError):
        return None


def read_scores(path: Path) -> Iterator[dict[str, Any]]:
    """The rows as JSON-ready dicts, in run order.

    Raises:
        UserError: no file, or a damaged one.
    """
    try:
        table = _read(path)
    except _Damaged as error:
        raise UserError(
            f"{path} is missing or damaged; type '{typed('score', path.parent)}' to write it."
        ) from error
    for batch in table.to_batches():
        yield from batch.to_pylist()


def read_table(path: Path, prompts: Mapping[str, Prompt]) -> tuple[ScoreTable, list[str]]:
    """The file as a table and the reason of each row; prompts in the order of their first row.

    Args:
        prompts: the benchmark's prompts by id.

    Raises:
        UserError: no file, a damaged one, or a prompt id that the benchmark does not have.
    """
    import pyarrow as pa

    try:
        file = _read(path)
        places: dict[str, int] = {}
        ids: list[str] = file.column("prompt_id").to_pylist()
        rows = [places.setdefault(prompt_id, len(places)) for prompt_id in ids]
        own = {"prompt_id", "index", "task", "reason"}
        table = ScoreTable(
            [prompts[prompt_id] for prompt_id in places],
            np.array(rows, dtype=np.int64),
            _unpacked(file.column("index").combine_chunks()),
            {
                n: _unpacked(file.column(n).combine_chunks())
                for n in file.column_names
                if n not in own
            },
        )
        reasons: list[str] = file.column("reason").to_pylist()
    except (_Damaged, pa.ArrowException, KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{path} is missing, damaged or of other prompts ({type(error).__name__}: {error}); "
            f"type '{typed('score', path.parent)}' to write it again."
        ) from error
    return table, reasons


# pyarrow's own ways from and to numpy import pandas, and those from column to column its compute,
# which take longer than the rest of a table.


def _packed(column: NDArray[Any]) -> Any:
    """The column as a ``pyarrow.Array``: its buffer, of truth values their bits."""
    import pyarrow as pa

    held = np.ascontiguousarray(column)
    if held.dtype == bool:
        bits = np.packbits(held, bitorder="little")
        return pa.Array.from_buffers(pa.bool_(), len(held), [None, pa.py_buffer(bits)])
    if held.dtype.kind not in "iuf":
        return pa.array(held)
    kind = pa.from_numpy_dtype(held.dtype)
    return pa.Array.from_buffers(kind, len(held), [None, pa.py_buffer(held)])


def _texts(texts: list[str]) -> Any:
    """The texts as a ``pyarrow.StringArray``."""
    import pyarrow as pa

    encoded = [text.encode() for text in texts]
    ends = np.cumsum([0, *map(len, encoded)], dtype=np.int32)
    return pa.StringArray.from_buffers(
        len(texts), pa.py_buffer(ends), pa.py_buffer(b"".join(encoded))
    )


def _unpacked(column: Any) -> NDArray[Any]:
    """A ``pyarrow.Array`` of numbers or truth values as an array; read-only."""
    import pyarrow as pa

    if column.null_count or not len(column) or pa.types.is_string(column.type):
        return np.asarray(column.to_numpy(zero_copy_only=False))
    if pa.types.is_boolean(column.type):
        return truth_values(column.buffers()[1], column.offset, len(column))
    return np.from_dlpack(column)


class _Damaged(Exception):
    """Some part of the file cannot be read."""


def _read(path: Path) -> Any:
    """The whole file as a ``pyarrow.Table``, its checksums compared."""
    try:
        return read_bounded(read_limited(path, LARGE, path.parent))
    except UserError:
        raise
    # Besides its own exceptions, broken bytes make it raise OSError, TypeError and MemoryError.
    except Exception as error:
        raise _Damaged(f"{type(error).__name__}: {error}") from error


def table_rows(table: ScoreTable, reasons: list[str]) -> Iterator[dict[str, Any]]:
    """The same rows from memory."""
    facts = {name: column.tolist() for name, column in table.columns.items()}
    first = ("correct", "score")
    for row, (position, index) in enumerate(
        zip(table.prompt_row.tolist(), np.asarray(table.index).tolist(), strict=True)
    ):
        prompt = table.prompts[position]
        yield {
            "prompt_id": prompt.id,
            "index": index,
            "task": prompt.task,
            **{name: facts[name][row] for name in first},
            "reason": reasons[row],
            **{name: column[row] for name, column in facts.items() if name not in first},
        }


def verdict_lines(verdicts: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """JSON Lines of verdicts; null for what is not a number."""
    for verdict in verdicts:
        record = {
            key: None if isinstance(value, float) and isnan(value) else value
            for key, value in verdict.items()
        }
        yield json.dumps(record, allow_nan=False) + "\n"
