"""What a run records of a model that looked at its images: signature, identity, threshold."""

from __future__ import annotations

import json
from typing import Any

from ..errors import UserError
from ..plugins import Detector, Judge
from ..plugins.evidence import SEEN
from ..runs.files import create_atomic, make_folder
from ..runs.identity import canonical_json, differences
from ..runs.store import RunDirectory, read_detector
from ..scoring.judging import OWN_LABELS, OWN_THRESHOLD


def require_same_model(directory: RunDirectory, model: Detector | Judge, kind: str) -> None:
    """Compare a model's identity with the recorded one, if there is one; writes nothing.

    Raises:
        UserError: they differ, or the record is damaged.
    """
    path = directory.detector_file(model.signature(), kind)
    if not path.exists():
        return
    fields = differences(
        read_detector(path, directory.path), json.loads(canonical_json(_told(model)))
    )
    if fields:
        what, whose = SEEN[kind]
        raise UserError(
            f"{path.parent} holds {what} of another {whose}, which differs in {'; '.join(fields)} "
            f"(there -> now): use the same {whose}, or move that folder away to detect again."
        )


def record_model(directory: RunDirectory, model: Detector | Judge, kind: str) -> None:
    """Record a model's identity beside what it saw, unless it is there already.

    Not before there are some: a command that fails leaves no model that looked at nothing.
    """
    path = directory.detector_file(model.signature(), kind)
    if path.exists():
        return
    make_folder(path.parent, directory.path)
    content = canonical_json(_told(model)).encode() + b"\n"
    if not create_atomic(path, content, directory.scratch):
        require_same_model(directory, model, kind)


def _told(model: Detector | Judge) -> dict[str, Any]:
    told: dict[str, Any] = {"signature": model.signature(), "identity": model.identity()}
    stated = stated_threshold(model) if isinstance(model, Detector) else None
    if stated is not None:
        told[OWN_THRESHOLD] = stated
    if isinstance(model, Detector) and model.own_labels:
        told[OWN_LABELS] = True
    return told


def stated_threshold(detector: Detector) -> float | None:
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
