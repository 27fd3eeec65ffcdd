"""Settings of InfSplign, and a phrase for each relation it knows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from spatialbench.methods.infsplign.settings import GuidanceSettings, read_settings
from spatialbench.methods.infsplign.variants import CORRECTED, Variant
from spatialbench.relations import Relation


@pytest.fixture(scope="session")
def settings() -> Callable[..., GuidanceSettings]:
    """Settings of a Stable Diffusion backbone at so many steps."""

    def make(steps: int, variant: Variant = CORRECTED, **given: Any) -> GuidanceSettings:
        return read_settings(given, "sd1.4", steps, variant)

    return make


@pytest.fixture(scope="session")
def relation_phrases() -> dict[Relation, str]:
    """One phrase a relation in the plane."""
    return {
        Relation.LEFT: "to the left of",
        Relation.RIGHT: "to the right of",
        Relation.ABOVE: "above",
        Relation.BELOW: "below",
        Relation.NEAR: "near",
    }
