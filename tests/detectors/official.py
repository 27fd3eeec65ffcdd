"""Outputs of the official detectors, whose weights were computed from the parameters' names."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

DATA = os.environ.get("SPATIALBENCH_DATA")
MORE = os.environ.get("SPATIALBENCH_DETECTORS_EXPECTED")

needs_data = pytest.mark.skipif(
    DATA is None, reason="SPATIALBENCH_DATA names no folder with the official detectors' outputs"
)


def expected_files(pattern: str) -> list[Path]:
    """The stored outputs, and those of the folder in ``SPATIALBENCH_DETECTORS_EXPECTED``."""
    folders = [Path(DATA, "detectors")] if DATA else []
    folders += [Path(MORE)] if MORE else []
    return [path for folder in folders for path in sorted(folder.glob(pattern))]


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def keys(name: str) -> list[dict[str, Any]]:
    """Every parameter's name, shape and dtype: ``unidet_R50``, ``mask2former_swin_s`` ..."""
    assert DATA is not None
    entries: list[dict[str, Any]] = read(Path(DATA, "detectors", f"{name}_keys.json"))["keys"]
    return entries


def light_state(name: str, spelling: str = "name") -> dict[str, torch.Tensor]:
    """Tensors of the right names, shapes and types that take no memory: all zero."""
    return {
        entry[spelling]: torch.zeros((), dtype=getattr(torch, entry["dtype"])).expand(
            entry["shape"]
        )
        for entry in keys(name)
    }


def filled_state(name: str, fill: dict[str, Any], spelling: str = "name") -> dict[str, Any]:
    """The weights that the official model had."""
    filled: dict[str, Any] = module().fill(
        light_state(name, spelling), fill["scale"], fill["class_bias"]
    )
    return filled


def module() -> ModuleType:
    """The script that fills a model and paints the test image."""
    assert DATA is not None
    spec = importlib.util.spec_from_file_location("official_fill", Path(DATA, "fill.py"))
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def assert_statistics(found: torch.Tensor, expected: dict[str, Any]) -> None:
    """Mean, deviation and, where given, shape and first values, to 1e-3 of the tensor's scale."""
    if "shape" in expected:
        assert list(found.shape) == expected["shape"]
    scale = expected["std"]
    assert float(found.mean()) == pytest.approx(expected["mean"], rel=1e-3, abs=1e-4 * scale)
    assert float(found.std()) == pytest.approx(scale, rel=1e-3)
    if "first" in expected:
        first = found.flatten()[: len(expected["first"])].numpy()
        np.testing.assert_allclose(first, expected["first"], rtol=1e-3, atol=1e-4 * scale)


def assert_detections(
    boxes: np.ndarray, scores: np.ndarray, classes: np.ndarray, expected: dict[str, Any]
) -> None:
    """Boxes to 0.05 px, scores to 1e-4, classes and order, where only tied scores may swap."""
    count = len(expected["scores"])
    assert len(scores) >= count
    np.testing.assert_allclose(scores[:count], expected["scores"], rtol=0, atol=1e-4)
    free = set(range(len(scores)))
    for box, score, label in zip(
        expected["boxes"], expected["scores"], expected["classes"], strict=True
    ):
        fitting = [
            i
            for i in free
            if abs(scores[i] - score) <= 1e-4
            and classes[i] == label
            and np.abs(boxes[i] - box).max() <= 0.05
        ]
        assert fitting, f"nothing like class {label}, score {score}, box {box} was found"
        free.remove(min(fitting))
