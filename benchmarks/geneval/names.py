"""GenEval's 80 class names, its ten colours, and the names that COCO detectors use instead."""

from __future__ import annotations

from spatialbench.prompts import COCO_NAMES

_COCO = {"computer mouse": "mouse", "tv remote": "remote", "computer keyboard": "keyboard"}
_OWN = {coco: own for own, coco in _COCO.items()}

CLASSES: tuple[str, ...] = tuple(_OWN.get(name, name) for name in COCO_NAMES)
"""In the order of COCO's categories, which is that of the detector's class indices."""

COLOURS: tuple[str, ...] = (
    *("red", "orange", "yellow", "green", "blue"),
    *("purple", "pink", "brown", "black", "white"),
)
"""In the order of the colour classifier's classes."""


def coco_name(name: str) -> str:
    """What COCO, and a detector trained on it, calls a class of GenEval."""
    return _COCO.get(name, name)


def own_name(label: str) -> str:
    """What GenEval calls a class of COCO; a name of GenEval's stays as it is."""
    return _OWN.get(label, label)
