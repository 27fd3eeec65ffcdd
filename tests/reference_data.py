"""Files from elsewhere that tests compare with, in the folder that ``SPATIALBENCH_DATA`` names."""

from __future__ import annotations

import atexit
import gzip
import json
import os
import shutil
import tempfile
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import pytest


def reference(*parts: str) -> Path:
    """A file or folder of the reference data; the test is skipped where it is not there."""
    folder = os.environ.get("SPATIALBENCH_DATA")
    if not folder:
        pytest.skip("SPATIALBENCH_DATA is not set: it names the folder of reference data")
    path = Path(folder, *parts)
    if not path.exists():
        pytest.skip(f"{path} is missing from the reference data")
    return path


def official_cases(name: str, every: int = 1) -> list[dict[str, Any]]:
    """Random inputs with what an official scorer made of them: ``visor``, ``t2i``, ``geneval``."""
    with gzip.open(reference("parity", f"cases_{name}.jsonl.gz"), "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in islice(lines, 0, None, every)]


def t2i_compbench_files(monkeypatch: pytest.MonkeyPatch) -> Path:
    """T2I-CompBench's own prompt files, put where the benchmark looks for them."""
    folder = _prompt_files(reference("t2i_compbench"), reference("t2i_whole", "prompts"))
    monkeypatch.setenv("SPATIALBENCH_T2I_COMPBENCH", str(folder))
    return folder


@cache
def _prompt_files(*folders: Path) -> Path:
    """One folder with the files of several, as a clone of the benchmark has them."""
    joined = tempfile.mkdtemp(prefix="t2i-compbench-")
    atexit.register(shutil.rmtree, joined, ignore_errors=True)
    for path in (path for folder in folders for path in folder.iterdir()):
        shutil.copy(path, joined)
    return Path(joined)
