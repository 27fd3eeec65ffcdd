"""In which order a merge reaches the disk: the new file's name before the old files are gone."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from spatialbench.runs.journal import Journal


def test_a_merge_syncs_the_folder_before_it_removes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path / "images.jsonl")
    with journal.writer() as writer:
        writer.append([{"prompt_id": "1", "index": 0}])
    told: list[str] = []
    link, unlink = os.link, os.unlink

    def synced(handle: int) -> None:
        status = os.fstat(handle)
        ours = os.path.samestat(status, tmp_path.stat())
        told.append("folder" if ours else "file" if stat.S_ISREG(status.st_mode) else "other")

    def linked(*args: Any, **kwargs: Any) -> None:
        told.append("named")
        link(*args, **kwargs)

    def removed(path: Any, **kwargs: Any) -> None:
        if not kwargs:
            told.append("removed")
        unlink(path, **kwargs)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "link", linked)
    monkeypatch.setattr(os, "unlink", removed)
    journal.merge(lambda key: (0, key[1]), lambda notice: None)
    assert told == ["file", "named", "folder", "removed"]


def test_a_new_journal_has_its_name_on_the_disk_before_a_record_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[bool] = []
    monkeypatch.setattr(
        os, "fsync", lambda handle: told.append(os.path.samestat(os.fstat(handle), tmp_path.stat()))
    )
    with Journal(tmp_path / "images.jsonl").writer() as writer:
        writer.append([{"prompt_id": "1", "index": 0}])
        assert told == [True, False]
