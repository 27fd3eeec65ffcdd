"""Shared by the VISOR tests: the official scorer's cases, and tables made of verdicts."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spatialbench.plugins import ScoreTable, Verdict
from spatialbench.prompts import Prompt

Judged = tuple[Prompt, int, Verdict]


@pytest.fixture(scope="session")
def parity_cases() -> list[dict[str, Any]]:
    """Random inputs with what the official code made of them."""
    folder = os.environ.get("SPATIALBENCH_DATA")
    if not folder:
        pytest.skip("SPATIALBENCH_DATA is not set: no official cases to compare with")
    path = Path(folder) / "parity" / "cases_visor.jsonl.gz"
    if not path.is_file():
        pytest.skip(f"{path} is missing: no official cases to compare with")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


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
