"""A small random OWL-ViT on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tiny_models import save_tiny_owlvit


@pytest.fixture(scope="session")
def owlvit_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """OwlViTForObjectDetection for 64x64 pixels, word-level tokenizer, image processor."""
    return save_tiny_owlvit(tmp_path_factory.mktemp("owlvit"))
