"""Shared by the GenEval tests: the official scorer's cases, and images made by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from spatialbench.detections import Detections
from tests.official_records import Case, geneval_record
from tests.reference_data import official_cases


@pytest.fixture(scope="session")
def parity_cases() -> list[Case]:
    """Random inputs with what the official code made of them."""
    return official_cases("geneval")


@pytest.fixture(scope="session")
def as_record() -> Callable[[Case], dict[str, Any]]:
    """A case as a detections record that brings its prompt."""
    return geneval_record


@pytest.fixture(scope="session")
def image() -> Callable[..., Detections]:
    """``image(("dog", (0, 0, 100, 100), 0.9, "red"), ...)``, colours where given."""

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
