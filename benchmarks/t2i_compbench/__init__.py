"""T2I-CompBench: are two objects placed as asked, and as many as asked?"""

from __future__ import annotations

from .plugin import PLUGIN

__all__ = ["PLUGIN"]
