"""Shared by the GenEval 2 tests: the benchmark's file, official results, files of its form."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from spatialbench.benchmarks.geneval2 import sources
from tests.reference_data import reference

Case = dict[str, Any]


@pytest.fixture(autouse=True)
def _no_files_by_accident(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing is read from the machine's own cache."""
    monkeypatch.setenv("SPATIALBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv(sources.FOLDER_VARIABLE, raising=False)


def official_prompts() -> Path:
    """The benchmark's own prompt file."""
    return reference("geneval2", "noncommercial_tests_only", sources.NAME)


def official_cases(stem: str, kind: str | None = None) -> list[Case]:
    """What the official scripts gave, with other files of that form where there are some.

    Args:
        kind: the first case of this kind in each file; None for all of them.
    """
    paths = [reference("geneval2", f"{stem}.json")]
    others = os.environ.get("SPATIALBENCH_GENEVAL2")
    if others:
        paths += sorted(Path(others).rglob(f"{stem}*.json"))
    if kind is None:
        return [case for path in paths for case in _cases(path)]
    found = [[case for case in _cases(path) if case["kind"] == kind] for path in paths]
    return [cases[0] for cases in found if cases]


@cache
def _cases(path: Path) -> list[Case]:
    cases: list[Case] = json.loads(path.read_text("utf-8"))["cases"]
    return cases


def file_of(case: Case) -> bytes:
    """A prompt file with the atoms and skills of a case; its texts and questions are made up."""
    if isinstance(case["prompts"], str):
        return official_prompts().read_bytes()
    lines = [
        {
            "prompt": f"prompt {number}",
            "atom_count": told["atom_count"],
            "vqa_list": [
                [f"Is it {number}, {place}?", "Yes"] for place in range(len(told["skills"]))
            ],
            "skills": told["skills"],
        }
        for number, told in enumerate(case["prompts"])
    ]
    return "".join(f"{json.dumps(line)}\n" for line in lines).encode()
