"""Shared by the T2I-CompBench tests: the benchmark's files, the official scorers' cases."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from spatialbench.benchmarks.t2i_compbench import sources
from spatialbench.detections import Detections
from tests.official_records import Case, t2i_record
from tests.reference_data import official_cases, t2i_compbench_files


@pytest.fixture
def official_files(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The benchmark's own files, where the benchmark looks for them."""
    return t2i_compbench_files(monkeypatch)


@pytest.fixture(scope="session")
def parity_cases() -> dict[str, list[Case]]:
    """Random inputs with what the official code made of them, by kind."""
    kinds: dict[str, list[Case]] = {}
    for case in official_cases("t2i"):
        kinds.setdefault(case["kind"], []).append(case)
    return kinds


@pytest.fixture(scope="session")
def as_record() -> Callable[[Case], dict[str, Any]]:
    """A case as a detections record that brings its prompt."""
    return t2i_record


@pytest.fixture(scope="session")
def depth_of() -> Callable[[dict[str, int]], npt.NDArray[np.uint8]]:
    """The 8-bit depth map that a case describes."""

    def build(depth: dict[str, int]) -> npt.NDArray[np.uint8]:
        rows = (depth["a"] * np.arange(depth["h"]) + depth["k"]).astype(np.uint8)
        columns = (depth["b"] * np.arange(depth["w"])).astype(np.uint8)
        return rows[:, None] + columns[None, :]  # modulo 256

    return build


@pytest.fixture(scope="session")
def image() -> Callable[..., Detections]:
    """``image(("dog", (0, 0, 100, 100), 0.9), ...)`` in a 479-pixel frame, or ``size=(w, h)``."""

    def build(
        *found: tuple[str, tuple[float, ...], float], size: tuple[int, int] = (479, 479)
    ) -> Detections:
        labels = [label for label, _, _ in found]
        return Detections.build([b for _, b, _ in found], [s for _, _, s in found], labels, *size)

    return build


@pytest.fixture(autouse=True)
def _no_files_by_accident(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing is read from the machine's own cache."""
    monkeypatch.setenv("SPATIALBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv(sources.FOLDER_VARIABLE, raising=False)
