"""What LoRA files are put beside."""

from __future__ import annotations

from typing import Any

import pytest

from tests.methods.lora.lora_files import small_unet


@pytest.fixture(scope="module")
def unet() -> Any:
    """A small UNet, another one for every module of tests."""
    return small_unet()
