"""Complex prompts: two relations and more in one sentence, relations of depth among them."""

from __future__ import annotations

from .plugin import PLUGIN

__all__ = ["PLUGIN"]
