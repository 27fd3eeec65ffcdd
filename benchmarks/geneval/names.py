"""GenEval's 80 class names, its ten colours, and the names that COCO detectors use instead."""

from __future__ import annotations

CLASSES: tuple[str, ...] = (
    *("person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat"),
    *("traffic light", "fire hydrant", "stop sign", "parking meter", "bench"),
    *("bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe"),
    *("backpack", "umbrella", "handbag", "tie", "suitcase"),
    *("frisbee", "skis", "snowboard", "sports ball", "kite", "baseball bat", "baseball glove"),
    *("skateboard", "surfboard", "tennis racket"),
    *("bottle", "wine glass", "cup", "fork", "knife", "spoon", "bowl"),
    *("banana", "apple", "sandwich", "orange", "broccoli", "carrot", "hot dog", "pizza", "donut"),
    *("cake", "chair", "couch", "potted plant", "bed", "dining table", "toilet"),
    *("tv", "laptop", "computer mouse", "tv remote", "computer keyboard", "cell phone"),
    *("microwave", "oven", "toaster", "sink", "refrigerator"),
    *("book", "clock", "vase", "scissors", "teddy bear", "hair drier", "toothbrush"),
)
"""In the order of COCO's categories, which is that of the detector's class indices."""

COLOURS: tuple[str, ...] = (
    *("red", "orange", "yellow", "green", "blue"),
    *("purple", "pink", "brown", "black", "white"),
)
"""In the order of the colour classifier's classes."""

_COCO = {"computer mouse": "mouse", "tv remote": "remote", "computer keyboard": "keyboard"}
_OWN = {coco: own for own, coco in _COCO.items()}


def coco_name(name: str) -> str:
    """What COCO, and a detector trained on it, calls a class of GenEval."""
    return _COCO.get(name, name)


def own_name(label: str) -> str:
    """What GenEval calls a class of COCO; a name of GenEval's stays as it is."""
    return _OWN.get(label, label)


def with_article(name: str) -> str:
    """``a`` or ``an`` before a name; ``an`` before a, e, i, o, u."""
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
