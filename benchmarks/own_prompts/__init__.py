"""The user's own prompts, from a file, as a benchmark."""

from __future__ import annotations

from .plugin import PLUGIN

__all__ = ["PLUGIN"]
