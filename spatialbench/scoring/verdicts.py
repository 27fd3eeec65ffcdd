"""Verdicts gathered into a table, one row per judged image."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..plugins import ScoreTable, Verdict
from ..prompts import Prompt

ROW_COLUMNS = ("prompt_id", "index", "task", "correct", "score", "reason")
"""Columns every scores file has; a rule's facts follow and may not have these names."""


def build_table(
    prompts: Sequence[Prompt], rows: Iterable[tuple[int, int, Verdict]]
) -> tuple[ScoreTable, list[str]]:
    """A table and the reason of each row.

    Args:
        prompts: expected prompts, in run order.
        rows: (position in ``prompts``, image index, verdict), in run order.

    Returns:
        The table holds only prompts with a row; its columns are ``correct`` (bool), ``score``
        (float64) and the rule's facts.

    Raises:
        ValueError: verdicts of one rule with different facts, a fact named like a row column, or
            a score that is not a number.
    """
    listed = list(rows)
    verdicts = [verdict for _, _, verdict in listed]
    positions = np.fromiter((position for position, _, _ in listed), np.int64, len(listed))
    present, prompt_row = np.unique(positions, return_inverse=True)
    columns: dict[str, np.ndarray[Any, Any]] = {
        "correct": np.array([verdict.correct for verdict in verdicts], dtype=bool),
        "score": np.array([verdict.score for verdict in verdicts], dtype=np.float64),
    }
    if np.isnan(columns["score"]).any():
        raise ValueError("the rule gave a score that is not a number")
    facts = list(verdicts[0].facts) if verdicts else []
    if set(facts) & set(ROW_COLUMNS):
        raise ValueError(f"a rule's facts may not be named {', '.join(ROW_COLUMNS)}")
    if any(verdict.facts.keys() != verdicts[0].facts.keys() for verdict in verdicts):
        raise ValueError("the verdicts of a rule must all have the same facts")
    for name in facts:
        columns[name] = np.array([verdict.facts[name] for verdict in verdicts])
    table = ScoreTable(
        [prompts[position] for position in present.tolist()],
        prompt_row.astype(np.int64),
        np.fromiter((index for _, index, _ in listed), np.int64, len(listed)),
        columns,
    )
    return table, [verdict.reason for verdict in verdicts]


def by_task(table: ScoreTable) -> dict[str, ScoreTable]:
    """The table of each task's prompts, tasks by name."""
    tasks = np.array([prompt.task for prompt in table.prompts], dtype=object)
    return {task: _part(table, tasks == task) for task in sorted(set(tasks.tolist()))}


def take_rows(table: ScoreTable, rows: np.ndarray[Any, np.dtype[np.int64]]) -> ScoreTable:
    """The table of some rows in the order given; prompts in the order of their first row."""
    chosen = table.prompt_row[rows]
    present, first, inverse = np.unique(chosen, return_index=True, return_inverse=True)
    order = np.argsort(first)
    position = np.empty_like(order)
    position[order] = np.arange(len(order))
    return ScoreTable(
        [table.prompts[row] for row in present[order].tolist()],
        position[inverse].astype(np.int64),
        table.index[rows],
        {name: column[rows] for name, column in table.columns.items()},
    )


def _part(table: ScoreTable, chosen: np.ndarray[Any, np.dtype[np.bool_]]) -> ScoreTable:
    rows = chosen[table.prompt_row]
    position = np.cumsum(chosen) - 1
    return ScoreTable(
        [prompt for prompt, kept in zip(table.prompts, chosen, strict=True) if kept],
        position[table.prompt_row[rows]].astype(np.int64),
        table.index[rows],
        {name: column[rows] for name, column in table.columns.items()},
    )
