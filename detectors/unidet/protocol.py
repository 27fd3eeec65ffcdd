"""The numbers of the protocol that decide which boxes are reported; importable without torch."""

from __future__ import annotations

CLASSES = 722

SCORE_FLOOR = 0.1
"""The literal in T2I-CompBench's unified_roi_heads.py; its command line's 0.5 has no effect."""

OVERLAP = 0.5
MOST = 300
