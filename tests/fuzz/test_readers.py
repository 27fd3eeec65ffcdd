"""No file makes a reader crash, hang or write elsewhere: the short run of the fuzzing."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .readers import readers
from .survival import Trial

NUMBERED = 40
DRAWN = 8
NAMES = list(readers())


@pytest.mark.parametrize("name", NAMES)
def test_what_is_sound_is_taken(name: str, tmp_path: Path) -> None:
    trial = Trial(readers()[name], tmp_path / "trial")
    assert [trial.read(seed) for seed in readers()[name].seeds] == [None] * trial.told["taken"]
    assert trial.told["taken"] == len(readers()[name].seeds)


@pytest.mark.parametrize("name", NAMES)
def test_numbered_inputs(name: str, tmp_path: Path) -> None:
    """The first ones of the long run."""
    reader = readers()[name]
    trial = Trial(reader, tmp_path / "trial")
    for number in range(NUMBERED):
        trial.read(reader.make(Random(f"{name}/{number}")))
    assert trial.told.total() == NUMBERED


@pytest.mark.parametrize("name", NAMES)
def test_drawn_inputs(name: str, tmp_path_factory: Any) -> None:
    """Drawn by hypothesis, which makes a failing input small."""
    reader = readers()[name]
    trial = Trial(reader, tmp_path_factory.mktemp("drawn") / "trial")

    @settings(max_examples=DRAWN, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.randoms(use_true_random=False))
    def survives(random: Random) -> None:
        trial.read(reader.make(random))

    survives()
