"""Cases of the official scorers as detections records that bring their own prompt."""

from __future__ import annotations

from typing import Any

Case = dict[str, Any]


def t2i_record(case: Case) -> dict[str, Any]:
    """A case of T2I-CompBench, in the frame of its scorer."""
    found = case["detections"]
    return {
        "prompt_id": f"case_{case['case']}",
        "index": 0,
        "width": 479,
        "height": 479,
        "boxes": [one["box"] for one in found],
        "scores": [one["score"] for one in found],
        "labels": [one["label"] for one in found],
        "prompt": case["prompt"],
        "tokens": case["tokens"],
    }


def geneval_record(case: Case) -> dict[str, Any]:
    """A case of GenEval, with the colours of its boxes."""
    found = [
        (label, box, colour)
        for label, boxes in case["boxes"].items()
        for box, colour in zip(boxes, case["colors"][label], strict=True)
    ]
    return {
        "prompt_id": f"folder_{case['folder']}",
        "index": int(case["image"].removesuffix(".png")),
        "width": 512,
        "height": 512,
        "boxes": [box[:4] for _, box, _ in found],
        "scores": [box[4] for _, box, _ in found],
        "labels": [label for label, _, _ in found],
        "colors": [colour for _, _, colour in found],
        "metadata": case["metadata"],
    }
