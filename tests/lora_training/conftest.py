"""A small kept set, for every training."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from spatialbench.lora_training.kept_set import KeptSet, write_kept


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> KeptSet:
    """Six images of 16 pixels of two relations."""
    folder = tmp_path_factory.mktemp("set")
    rng = np.random.default_rng(0)
    images = []
    for number in range(6):
        file = folder / f"{number}.png"
        Image.fromarray(rng.integers(0, 255, (16, 16, 3), dtype=np.uint8)).save(file)
        word = "above" if number % 3 else "left"
        record = {
            "file_name": f"images/{number}.png",
            "text": f"a dog {word} a cat",
            "relations": [["dog", word, "cat"]],
            "boxes": [[0, 0, 8, 8]],
            "width": 16,
            "height": 16,
            "sha256": str(number),
        }
        images.append((file, record))
    return write_kept(folder, images, {})
