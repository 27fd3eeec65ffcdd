"""Writers: no half record on a full disk, none lost to a merge, many threads."""

from __future__ import annotations

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from spatialbench.errors import UserError
from spatialbench.runs.journal import Journal
from tests.runs.journal_records import never, order, record, write


def test_a_nan_is_never_written(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "images.jsonl")
    with pytest.raises(ValueError, match="JSON"):
        write(journal, record("a", 0), record("a", 1, score=float("nan")))
    assert list(journal.records(never)) == []


def test_a_full_disk_leaves_no_half_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path / "images.jsonl")
    real = os.write
    with journal.writer() as writer:
        writer.append([record("a", 0)])

        def half(handle: int, content: bytes) -> int:
            if len(content) < 20:
                raise OSError(errno.ENOSPC, "full")
            return real(handle, bytes(content)[: len(content) // 2])

        monkeypatch.setattr(os, "write", half)
        with pytest.raises(UserError, match="the disk is full"):
            writer.append([record("a", 1), record("a", 2)])
        monkeypatch.undo()
        writer.append([record("a", 3)])
    assert list(journal.records(never)) == [record("a", 0), record("a", 3)]


def test_threads_share_a_writer(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "images.jsonl")
    with journal.writer() as writer, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda index: writer.append([record("a", index)]), range(50)))
    assert sorted(r["index"] for r in journal.records(never)) == list(range(50))


def test_a_writer_whose_file_was_taken_writes_to_another(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "images.jsonl")
    with journal.writer() as writer:
        writer.append([record("a", 0)])
        journal.merge(order, never)
        writer.append([record("a", 1)])
        assert sorted(journal.keys(never)) == [("a", 0), ("a", 1)]
    journal.merge(order, never)
    assert [r["index"] for r in journal.records(never)] == [0, 1]


def test_a_record_that_a_merge_overlooked_is_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path / "images.jsonl")
    real = os.fsync

    def merged_in_between(handle: int) -> None:
        monkeypatch.setattr(os, "fsync", real)
        os.ftruncate(handle, 0)  # As if it had been read before the append.
        journal.merge(order, never)

    with journal.writer() as writer:
        writer.append([record("b", 0)])
        monkeypatch.setattr(os, "fsync", merged_in_between)
        writer.append([record("a", 0)])
    assert list(journal.records(never)) == [record("a", 0)]
