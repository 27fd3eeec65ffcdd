"""The promised memory at VISOR's full size, 25,280 prompts x 4, and that nothing is done twice.

How long it takes is measured by hand: ``python -m tests.measurements.promised_times``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.stages.full_size import IMAGES, make

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def complete() -> Iterator[Path]:
    # In memory where there is such a folder, and never kept: some disks take minutes for so many
    # files.
    memory = Path("/dev/shm")
    parent = memory if os.access(memory, os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=parent, prefix="spatialbench-") as folder:
        yield make(Path(folder) / "run").path


def cost(folder: Path, what: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.stages.full_size", str(folder), what]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def test_scoring_and_then_recognising_a_complete_run(complete: Path) -> None:
    scored = cost(complete, "score")
    assert scored["found"] == 0
    assert scored["scored"] == IMAGES
    assert scored["peak"] < 1000
    recognised = cost(complete, "recognise")
    assert recognised["found"] == recognised["scored"] == IMAGES
