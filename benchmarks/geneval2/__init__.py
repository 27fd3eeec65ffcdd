"""GenEval 2: does an image show everything a prompt asks for, atom by atom?"""

from __future__ import annotations

from .plugin import PLUGIN

__all__ = ["PLUGIN"]
