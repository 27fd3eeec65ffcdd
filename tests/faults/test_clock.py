"""A clock that is set back: the last record still counts, and no byte changes."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import pytest

from spatialbench.runs.journal import Journal

from .drills import files, give_command


def test_the_last_record_counts_whatever_the_clock_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path / "images.jsonl")
    hours = itertools.count(1_800_000_000_000_000_000, -3_600_000_000_000)
    monkeypatch.setattr(time, "time_ns", lambda: next(hours))
    for size in range(5):
        with journal.writer() as writer:
            writer.append([{"prompt_id": "a", "index": 0, "bytes": size}])
    records = list(journal.records(print))
    assert [record["bytes"] for record in records] == [0, 1, 2, 3, 4]
    journal.merge(lambda key: (0, key[1]), print)
    assert [record["bytes"] for record in journal.records(print)] == [4]


def test_a_run_over_a_clock_that_runs_backwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: dict[str, bytes]
) -> None:
    back = itertools.count(1_800_000_000, -60)
    monkeypatch.setattr(time, "time", lambda: float(next(back)))
    monkeypatch.setattr(time, "time_ns", lambda: next(back) * 1_000_000_000)
    give_command(tmp_path / "run")
    for path in (tmp_path / "run").rglob("*.png"):
        path.write_bytes(b"")
    give_command(tmp_path / "run")
    assert files(tmp_path / "run") == whole
