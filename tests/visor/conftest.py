"""Shared by the VISOR tests: the official scorer's cases, and tables made of verdicts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest

from spatialbench.plugins import ScoreTable, Verdict
from spatialbench.prompts import Prompt
from tests.reference_data import official_cases

Judged = tuple[Prompt, int, Verdict]


@pytest.fixture(scope="session")
def parity_cases() -> list[dict[str, Any]]:
    """Random inputs with what the official code made of them."""
    return official_cases("visor")


@pytest.fixture(scope="session")
def as_table() -> Callable[[Iterable[Judged]], ScoreTable]:
    """Verdicts as the table that a run's metrics are computed from."""

    def build(judged: Iterable[Judged]) -> ScoreTable:
        rows = list(judged)
        prompts = list(dict.fromkeys(row[0].id for row in rows))
        position = {prompt_id: i for i, prompt_id in enumerate(prompts)}
        by_id = {row[0].id: row[0] for row in rows}
        return ScoreTable(
            prompts=[by_id[prompt_id] for prompt_id in prompts],
            prompt_row=np.array([position[row[0].id] for row in rows], dtype=np.int64),
            index=np.array([row[1] for row in rows], dtype=np.int64),
            columns={
                "correct": np.array([row[2].correct for row in rows], dtype=bool),
                "score": np.array([row[2].score for row in rows], dtype=np.float64),
                "found_a": np.array([row[2].facts["found_a"] for row in rows], dtype=bool),
                "found_b": np.array([row[2].facts["found_b"] for row in rows], dtype=bool),
            },
        )

    return build
