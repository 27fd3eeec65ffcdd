"""A run directory: where everything lies, and which images are finished."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RunDirectory:
    """Paths of a run."""

    path: Path

    def image_path(self, prompt_id: str, index: int) -> Path:
        """``images/<prompt id>/<k>.png``."""
        return self.path / "images" / prompt_id / f"{index}.png"
