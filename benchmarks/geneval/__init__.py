"""GenEval: are the objects there, in their number, colour and place?"""

from __future__ import annotations

from .plugin import PLUGIN

__all__ = ["PLUGIN"]
