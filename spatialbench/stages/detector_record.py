"""What a run records of a detector that looked at its images: signature, identity, threshold."""

from __future__ import annotations

import json
from typing import Any

from ..errors import UserError
from ..plugins import Detector
from ..runs.files import create_atomic, make_folder
from ..runs.identity import canonical_json, differences
from ..runs.store import RunDirectory, read_detector
from ..scoring.judging import OWN_THRESHOLD


def require_same_detector(directory: RunDirectory, detector: Detector) -> None:
    """Compare a detector's identity with the recorded one, if there is one; writes nothing.

    Raises:
        UserError: they differ, or the record is damaged.
    """
    path = directory.detector_file(detector.signature())
    if not path.exists():
        return
    fields = differences(
        read_detector(path, directory.path), json.loads(canonical_json(_told(detector)))
    )
    if fields:
        raise UserError(
            f"{path.parent} holds detections of another detector, which differs in "
            f"{'; '.join(fields)} (there -> now): use the same detector, or move that folder away "
            "to detect again."
        )


def record_detector(directory: RunDirectory, detector: Detector) -> None:
    """Record a detector's identity beside its detections, unless it is there already.

    Not before there are some: a command that fails leaves no detector that looked at nothing.
    """
    path = directory.detector_file(detector.signature())
    if path.exists():
        return
    make_folder(path.parent, directory.path)
    content = canonical_json(_told(detector)).encode() + b"\n"
    if not create_atomic(path, content, directory.scratch):
        require_same_detector(directory, detector)


def _told(detector: Detector) -> dict[str, Any]:
    told: dict[str, Any] = {"signature": detector.signature(), "identity": detector.identity()}
    if (stated := _stated_threshold(detector)) is not None:
        told[OWN_THRESHOLD] = stated
    return told


def _stated_threshold(detector: Detector) -> float | None:
    """What a detector says counts, by its optional ``score_threshold``; None for nothing.

    Raises:
        UserError: no number from 0 to 1.
    """
    stated: object = detector.score_threshold
    if stated is None:
        return None
    if isinstance(stated, bool) or not isinstance(stated, int | float) or not 0 <= stated <= 1:
        raise UserError(
            f"{detector.signature()} states the threshold {stated!r}: expected a number from 0 to "
            "1, or None."
        )
    return float(stated)
