"""What kind of model a checkpoint is, by its own configuration; methods have settings by kind.

A name says nothing: the same weights may be registered, in a folder, or in a repository.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

from ..files.documents import read_json


class Architecture(StrEnum):
    """``SD1``: Stable Diffusion 1, with CLIP's text encoder of width 768. ``SD2``: Stable
    Diffusion 2, with OpenCLIP's of width 1,024. ``LAB`` and ``LAB_TRANSFORMER``: the shapes of the
    lab's models."""

    LAB = "lab"
    LAB_TRANSFORMER = "lab-mmdit"
    SD1 = "sd1"
    SD2 = "sd2"
    SDXL = "sdxl"
    SD3 = "sd3"
    FLUX = "flux"
    OTHER = "other"


def same(config: Mapping[str, Any], path: Path, keys: Sequence[str]) -> bool:
    """Whether a configuration agrees in these keys with the one in a file that is there."""
    other = small_file(path)
    return bool(other) and all(config.get(key) == other.get(key) for key in keys)


def small_file(path: Path) -> dict[str, Any]:
    """The object in a JSON file; an empty one where it cannot be read."""
    try:
        content = read_json(path)
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
