"""Records for the tests of journals, and the run order of their images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from spatialbench.runs.journal import Journal

ORDER = {"b": 0, "a": 1, "c": 2}


def order(key: tuple[str, int]) -> tuple[int, int]:
    return ORDER[key[0]], key[1]


def record(prompt_id: str, index: int, **more: Any) -> dict[str, Any]:
    return {"prompt_id": prompt_id, "index": index, **more}


def never(text: str) -> None:
    raise AssertionError(text)


def write(journal: Journal, *records: dict[str, Any]) -> Path:
    with journal.writer() as writer:
        writer.append(records)
    return writer.path
