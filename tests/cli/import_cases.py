"""Folders as users have them, each with what an import of it has to report.

A case is a folder with ``pictures/`` and ``expected.json``: benchmark, layout, ids to expect,
images per prompt, and what is matched, passed over, missing, extra and rewritten.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spatialbench import plugins
from spatialbench.exchange.layouts import IMAGES, layouts
from spatialbench.plugins.layout import ONE_FILE

from .conftest import Command

VARIABLES = (("SPATIALBENCH_DATA", "imports"), ("SPATIALBENCH_IMPORTS", ""))


def folders() -> list[Path]:
    """Every case in the folders that the environment names."""
    found = []
    for variable, below in VARIABLES:
        if root := os.environ.get(variable):
            found += sorted(path.parent for path in Path(root, below).rglob("expected.json"))
    return found


@dataclass(frozen=True)
class Case:
    """One case, and the command that imports it."""

    folder: Path

    @property
    def expected(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "expected.json").read_text())
        return found

    def _files(self) -> Iterator[tuple[str, Path]]:
        """Files that a key of ``expected.json`` names."""
        for key, value in self.expected.items():
            if isinstance(value, str) and len(value) < 200 and (self.folder / value).is_file():
                yield key, self.folder / value

    @property
    def path(self) -> Path:
        """What is imported: the file that is named, the only file, or the folder."""
        for key, file in self._files():
            if key == "file":
                return file
        pictures = self.folder / "pictures"
        inside = [path for path in pictures.rglob("*") if path.is_file()]
        return inside[0] if len(inside) == 1 else pictures

    @property
    def bench(self) -> str:
        """An installed benchmark, or the prompts in a file of the case."""
        named = self.expected["benchmark"].split()[0]
        if named.partition(":")[0] in plugins.names("benchmark"):
            return str(named)
        own = [file for key, file in self._files() if key != "file"]
        own += sorted(self.folder.rglob("*.csv"))
        return f"own-prompts:{own[0]}"

    def only(self, command: Command) -> list[str]:
        """The ids to expect, which may be given as texts."""
        if "only" in self.expected:
            return list(self.expected["only"])
        if "only_prompts" not in self.expected:
            return []
        listed = command("prompts", "--bench", self.bench, "--format", "jsonl").out
        ids = {one["text"]: one["prompt_id"] for one in map(json.loads, listed.splitlines())}
        return [ids[text] for text in self.expected["only_prompts"]]

    def dry_run(self, command: Command, count: int | None = None) -> tuple[int, dict[str, Any]]:
        """Exit status and report of ``import --dry-run``."""
        told: list[object] = ["import", self.path, "--bench", self.bench, "--name", "theirs"]
        layout = self.expected["layout"].split()[0]
        # Of a single file the layout is found out: ``geneval`` may stand for its results.
        if layout in ONE_FILE or (layout in layouts() and not self.path.is_file()):
            told += ["--layout", layout]
        if only := self.only(command):
            told += ["--only", ",".join(only)]
        if count := count or self.expected.get("images_per_prompt"):
            told += ["--images-per-prompt", count]
        outcome = command(*told, "--dry-run", "--format", "json")
        assert outcome.out, outcome.err
        return outcome.status, json.loads(outcome.out)


def check(case: Case, command: Command) -> None:
    """Compare every field of the expectation with the report."""
    expected = case.expected
    status, report = case.dry_run(command)
    assert report["expected"] == expected["expected_pictures"]
    assert report["matched"] == expected["matched"]
    assert report["clean"] is expected["clean"]
    assert status == (0 if expected["clean"] else 2)
    if "passed_over" in expected:
        assert _images(report["passed_over"]) == _images(_names(expected["passed_over"]))
        assert set(_names(expected["passed_over"])) <= set(report["passed_over"])
    if "prompts" in expected:
        assert report["prompts"] == expected["prompts"].split(":")[0].split()[0]
    for prompt_id, text in expected.get("given_prompts", {}).items():
        assert report["given_prompts"][prompt_id] == text
    if "matched_prompts" in expected:
        assert report["matched_prompts"] == sorted(expected["matched_prompts"])
    if "by_prompt" in expected:
        assert report["by_prompt"] == expected["by_prompt"]
    for kind in ("problems", "extra", "missing"):
        told = expected.get(kind, ())
        if isinstance(told, int):
            assert len(report[kind]) == told
            continue
        for name in told:
            assert _says(report, str(name)), (kind, name)
    if "with_ten_per_prompt" in expected:
        _, ten = case.dry_run(command, 10)
        assert ten["matched"] == expected["with_ten_per_prompt"]["matched"]
        assert f"--images-per-prompt {expected['images_per_prompt']}" in ten["would_fit"]


def _names(told: Any) -> list[str]:
    return [] if isinstance(told, int) else [str(name) for name in told]


def _images(names: Any) -> set[str]:
    return {name for name in names if Path(name).suffix.lower() in IMAGES}


def _says(report: dict[str, Any], name: str) -> bool:
    """Whether the report says something of what an expectation names."""
    kinds = ("problems", "missing", "misnamed", "unreadable", "duplicate", "extra")
    said = [text for kind in kinds for item in report[kind].items() for text in item]
    said += list(report["missing_prompts"].values())
    if any(name in text for text in said):
        return True
    telling = [word for word in re.split(r"[\s,;()]+", name) if re.search(r"\d|/", word)]
    return bool(telling) and all(any(word in text for text in said) for word in telling)
