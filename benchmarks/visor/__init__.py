"""VISOR: does the image show A on the asked side of B?"""

from __future__ import annotations

from .plugin import PLUGIN

__all__ = ["PLUGIN"]
