"""Journals: torn ends are dropped, corrupt middles are named, merging loses nothing."""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spatialbench.errors import UserError
from spatialbench.runs.files import create_atomic
from spatialbench.runs.journal import Journal
from spatialbench.runs.record_lines import encode, read_lines
from tests.runs.journal_records import never, order, record, write


def test_writers_merge_into_one_file_in_order(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "images.jsonl")
    write(journal, record("c", 0), record("a", 1))
    write(journal, record("b", 1), record("b", 0))
    journal.merge(order, never)
    expected = [record("b", 0), record("b", 1), record("a", 1), record("c", 0)]
    assert list(journal.records(never)) == expected
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["images.jsonl"]
    assert (tmp_path / "images.jsonl").read_bytes() == b"".join(map(encode, expected))
    write(journal, record("a", 0))
    journal.merge(order, never)
    assert [r["index"] for r in journal.records(never)] == [0, 1, 0, 1, 0]


def test_the_last_record_of_an_image_counts(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "images.jsonl")
    for size in (1, 2, 3):
        write(journal, record("a", 0, bytes=size))
    journal.merge(order, never)
    assert list(journal.records(never)) == [record("a", 0, bytes=3)]


def test_nothing_is_written_without_records(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "below" / "images.jsonl")
    write(journal)
    journal.merge(order, never)
    assert list(journal.records(never)) == []
    assert list(tmp_path.iterdir()) == []


@settings(deadline=None)
@given(st.integers(1, 200))
def test_any_torn_end_costs_only_its_line(tmp_path_factory: Any, cut: int) -> None:
    journal = Journal(tmp_path_factory.mktemp("torn") / "images.jsonl")
    path = write(journal, *(record("a", index, note="{é}") for index in range(4)))
    content = path.read_bytes()
    path.write_bytes(content[:-cut])
    notices: list[str] = []
    kept = list(journal.records(notices.append))
    assert kept == [json.loads(line) for line in content[:-cut].split(b"\n")[:-1]]
    assert len(notices) == (content[:-cut][-1:] not in (b"", b"\n"))
    journal.merge(order, notices.append)
    assert list(journal.records(never)) == kept


def test_zeros_after_a_power_cut_are_a_torn_end(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "images.jsonl")
    path = write(journal, record("a", 0))
    path.write_bytes(path.read_bytes() + bytes(100))
    notices: list[str] = []
    assert list(journal.records(notices.append)) == [record("a", 0)]
    assert "the last line was torn" in notices[0]


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"\xff",
        b"[]",
        b'{"prompt_id": "a"}',
        b'{"prompt_id": 1, "index": 0}',
        b'{"prompt_id": "a", "index": true}',
        b'{"prompt_id": "a", "index": 0, "score": NaN}',
        b"",
    ],
)
def test_a_corrupt_line_is_named(tmp_path: Path, line: bytes) -> None:
    journal = Journal(tmp_path / "images.jsonl")
    journal.path.write_bytes(encode(record("a", 0)) + line + b"\n" + encode(record("a", 1)))
    with pytest.raises(UserError, match=r"images\.jsonl, line 2, is corrupt"):
        list(journal.records(never))


PROCESSES, EACH = 4, 60


def write_and_merge(path: Path, number: int) -> None:
    """Records of one's own, each a moment after the last, and a merge after every tenth."""
    setattr(os, "fsync", lambda handle: None)  # noqa: B010
    journal = Journal(path)
    with journal.writer() as writer:
        for index in range(EACH):
            writer.append([record(str(number), index, note="x" * 200)])
            if index % 10 == number:
                journal.merge(lambda key: (int(key[0]), key[1]), print)


def test_four_processes_write_and_merge_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    path = tmp_path / "images.jsonl"
    processes = [
        context.Process(target=write_and_merge, args=(path, number)) for number in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    while any(process.is_alive() for process in processes):
        Journal(path).keys(lambda text: None)
    assert [process.exitcode for process in processes] == [0] * PROCESSES
    Journal(path).merge(lambda key: (int(key[0]), key[1]), never)
    expected = [
        record(str(number), index, note="x" * 200)
        for number in range(PROCESSES)
        for index in range(EACH)
    ]
    assert path.read_bytes() == b"".join(map(encode, expected))
    assert [entry.name for entry in tmp_path.iterdir() if entry.is_file()] == ["images.jsonl"]


def test_merges_that_take_files_from_each_other_come_to_an_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path / "images.jsonl")
    for index in range(40):
        write(journal, record("a", index))
    made: list[Path] = []

    def slowly(*args: Any) -> Any:
        time.sleep(0.001)  # Time for the others to take what this one is about to read.
        return read_lines(*args)

    def counted(path: Path, *args: Any) -> bool:
        made.append(path)
        assert len(made) < 200, "the merges only make work for each other"
        return create_atomic(path, *args)

    monkeypatch.setattr("spatialbench.runs.journal.read_lines", slowly)
    monkeypatch.setattr("spatialbench.runs.journal.create_atomic", counted)
    with ThreadPoolExecutor(4) as pool:
        for merge in [pool.submit(journal.merge, order, never) for _ in range(4)]:
            merge.result()
    assert [path.name for path in journal.files()] == ["images.jsonl"]
    assert [r["index"] for r in journal.records(never)] == list(range(40))


@pytest.mark.parametrize("gone", ["the new finished file", "nothing"])
def test_what_an_interrupted_merge_left_is_older_than_the_finished_file(
    tmp_path: Path, gone: str
) -> None:
    journal = Journal(tmp_path / "images.jsonl")
    write(journal, record("a", 0, bytes=1), record("b", 0, bytes=7))
    journal.merge(order, never)
    (tmp_path / "images.jsonl").rename(tmp_path / "images.finished-0001-2-abc.jsonl")
    write(journal, record("a", 0, bytes=2))
    if gone == "nothing":
        content = [record("b", 0, bytes=7), record("a", 0, bytes=2)]
        journal.path.write_bytes(b"".join(map(encode, content)))
    journal.merge(order, never)
    assert list(journal.records(never)) == [record("b", 0, bytes=7), record("a", 0, bytes=2)]
