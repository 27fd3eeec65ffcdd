"""Shared by the GenEval tests: the official scorer's cases, and pictures made by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from spatialbench.detections import Detections
from tests.reference_data import official_cases

Case = dict[str, Any]


@pytest.fixture(scope="session")
def parity_cases() -> list[Case]:
    """Random inputs with what the official code made of them."""
    return official_cases("geneval")


@pytest.fixture(scope="session")
def as_record() -> Callable[[Case], dict[str, Any]]:
    """A case as a detections record that brings its prompt and the colours of its boxes."""

    def build(case: Case) -> dict[str, Any]:
        found = [
            (label, box, colour)
            for label, boxes in case["boxes"].items()
            for box, colour in zip(boxes, case["colors"][label], strict=True)
        ]
        return {
            "prompt_id": f"case_{case['folder']}",
            "index": int(case["image"].removesuffix(".png")),
            "width": 512,
            "height": 512,
            "boxes": [box[:4] for _, box, _ in found],
            "scores": [box[4] for _, box, _ in found],
            "labels": [label for label, _, _ in found],
            "colors": [colour for _, _, colour in found],
            "metadata": case["metadata"],
        }

    return build


@pytest.fixture(scope="session")
def picture() -> Callable[..., Detections]:
    """``picture(("dog", (0, 0, 100, 100), 0.9, "red"), ...)``, colours where given."""

    def build(*found: tuple[Any, ...]) -> Detections:
        return Detections.build(
            [one[1] for one in found],
            [one[2] for one in found],
            [one[0] for one in found],
            512,
            512,
            [one[3] if len(one) > 3 else None for one in found],
        )

    return build
