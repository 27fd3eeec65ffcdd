"""Canaries: what a sound detector found in fixed images, and whether it still finds it.

A record is made once where the detector is known to work (``spatialbench doctor
--record-canary``) and compared each time it is loaded: a driver, a device or a library that changes
its answers refuses to score.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..detections import Detections
from ..errors import UserError, blamed, plugin_failed
from ..files.documents import read_json
from ..files.downloads import cache_folder
from ..files.shown_text import counted
from ..plugins.evidence import ANSWERS
from ..plugins.judge import NoAnswer
from ..plugins.records import checked_answers
from ..runs.files import make_folder, write_atomic
from ..runs.identity import canonical_json

if TYPE_CHECKING:
    from PIL import Image

    from ..plugins import Detector, Judge

VERSION = 1
PAIRS = (("dog", "car"), ("cat", "chair"), ("bird", "clock"), ("bicycle", "pizza"))
"""Names that detectors trained on COCO know."""

ENLARGEMENT = 4
SCORE_TOLERANCE = 0.02
SIMILARITY_TOLERANCE = 0.002
BOX_TOLERANCE = 0.01
"""Of the image's longer side."""

REFUSALS = (UserError, KeyError, ValueError)
"""What may be raised of a name that a model does not know; one that raises where it is asked for
nothing, too, fails for another reason."""

LOWEST = 0.1
"""Weaker boxes are not compared: no rule looks at them."""


class NotAnswered(UserError):
    """A model gives no answer about what the canary images show, which it need not know.

    It is sound all the same where it fails for these names alone.
    """

    def __init__(self, whose: str, error: Exception | NoAnswer) -> None:
        if isinstance(error, NoAnswer):
            told = error.reason
        else:
            told = str(error if isinstance(error, UserError) else plugin_failed(whose, error))
        names = ", ".join(name for pair in PAIRS for name in pair)
        super().__init__(f"it gives no answer about the canary images, which show {names}: {told}")


def record(model: Detector | Judge) -> Path:
    """Look at the canary images and keep what is seen, for :func:`check`.

    Raises:
        UserError: as :func:`differs_when_repeated`.
    """
    path, seen = record_path(model), _seen(model)
    make_folder(path.parent)
    content = {"version": VERSION, "identity": model.identity(), **seen}
    write_atomic(path, json.dumps(content).encode())
    return path


def differs_when_repeated(model: Detector | Judge) -> str | None:
    """Look at the canary images twice: what differs, in a few words; None where nothing does.

    Raises:
        NotAnswered: the model does not know what the canary images show.
        UserError: its code fails, or answers with what is no answer.
    """
    (kind, first), (_, second) = (next(iter(_seen(model).items())) for _ in range(2))
    if first == second:
        return None
    if kind != "answers":
        differing = sum(one != other for one, other in zip(first, second, strict=True))
        return f"finds something else in {differing} of {len(first)} images when asked again"
    pairs = zip(np.concatenate(first), np.concatenate(second), strict=True)
    return f"answers otherwise by up to {max(abs(a - b) for a, b in pairs):.2g} when asked again"


def _seen(model: Detector | Judge) -> dict[str, list[Any]]:
    from ..plugins import Judge

    if isinstance(model, Judge):
        return {"answers": _answers(model)}
    return {"found": [detections.to_record() for detections in _look(model)]}


def check(model: Detector | Judge) -> str | None:
    """Compare with the record, if there is one; says what was compared, None without a record.

    Raises:
        UserError: a strong box is missing, new, elsewhere or scored otherwise; an answer differs.
    """
    from ..plugins import Judge

    path = record_path(model)
    if not path.is_file():
        return None
    return _check_answers(model, path) if isinstance(model, Judge) else _check_boxes(model, path)


def _check_boxes(detector: Detector, path: Path) -> str:
    try:
        stored = [Detections.from_record(one).require_sound() for one in read_json(path)["found"]]
        if len(stored) != len(images()):
            raise ValueError(f"it holds {len(stored)} images")
    except (OSError, ValueError, KeyError, TypeError, UserError) as error:
        raise _unreadable(path, error) from error
    boxes = 0
    for position, (before, now) in enumerate(zip(stored, _look(detector), strict=True)):
        boxes += _compare(before, now, f"{detector.signature()}, canary image {position}")
    return f"{counted(boxes, 'box', 'boxes')} in {len(stored)} canary images as recorded"


def _check_answers(judge: Judge, path: Path) -> str:
    """No answer may differ by more than ``SCORE_TOLERANCE``, no similarity by a tenth of it."""
    tolerance = SCORE_TOLERANCE if judge.gives == ANSWERS else SIMILARITY_TOLERANCE
    try:
        stored = [list(map(float, one)) for one in read_json(path)["answers"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _unreadable(path, error) from error
    now = _answers(judge)
    if [len(one) for one in stored] != [len(one) for one in now]:
        raise _unreadable(path, ValueError("other questions"))
    for position, (before, after) in enumerate(zip(stored, now, strict=True)):
        for was, is_now in zip(before, after, strict=True):
            if abs(was - is_now) > tolerance:
                raise UserError(
                    f"{judge.signature()}, canary image {position}: the answer is {is_now:.4f} and "
                    f"was {was:.4f}, so this installation answers differently from when the canary "
                    "was recorded; try --device cpu, see what was updated, or record it again with "
                    "'spatialbench doctor --record-canary' where you trust it. Nothing is scored."
                )
    answers = counted(sum(map(len, stored)), "answer")
    return f"{answers} about {len(stored)} canary images as recorded"


def _answers(judge: Judge) -> list[list[float]]:
    """One image at a time, so that no batch plays a part."""
    whose = f"the judge {judge.signature()}"
    found = []
    for position, (image, names) in enumerate(images()):
        questions = [f"Is there a {name} in the image?" for name in names]
        with blamed(f"{whose}, canary image {position},"):
            try:
                (answers,) = judge.answer([image], [questions])
            except REFUSALS as error:
                judge.answer([image], [[]])
                raise NotAnswered(whose, error) from error
        if isinstance(answers, Sequence):
            for none in (one for one in answers if isinstance(one, NoAnswer)):
                raise NotAnswered(whose, none)
        try:
            found.append(checked_answers(questions, answers, judge.gives))
        except UserError as error:
            raise UserError(f"{whose}, canary image {position}: {error}") from error
    return found


def _unreadable(path: Path, error: Exception) -> UserError:
    return UserError(
        f"the canary record {path} cannot be read ({type(error).__name__}); delete it, or make "
        "it again with 'spatialbench doctor --record-canary'."
    )


def record_path(model: Detector | Judge) -> Path:
    """Where the record of a model with this identity lies."""
    digest = hashlib.sha256(canonical_json(model.identity()).encode()).hexdigest()
    name = f"{model.signature().replace('/', '-')}-{digest[:8]}.json"
    return cache_folder() / "canaries" / name


def images() -> list[tuple[Image.Image, list[str]]]:
    """Scenes of the lab, enlarged to 256 pixels, and the names of their objects."""
    from PIL import Image

    from ..lab.world import Placement, Scene, draw

    chosen = []
    for backdrop, (left, right) in enumerate(PAIRS):
        placements = (
            Placement(left, 28, 2, 30, False, 1.0),
            Placement(right, 26, 36, 8, True, 1.0),
        )
        drawn = draw(Scene(placements, "", (left, right), None, backdrop))
        small = Image.fromarray(drawn.image)
        size = (small.width * ENLARGEMENT, small.height * ENLARGEMENT)
        chosen.append((small.resize(size, Image.Resampling.BICUBIC), [left, right]))
    return chosen


def _look(detector: Detector) -> list[Detections]:
    """One image at a time, so that no batch plays a part."""
    whose = f"the detector {detector.signature()}"
    found = []
    for image, names in images():
        with blamed(whose):
            try:
                (seen,) = detector.detect([image], [names])
            except REFUSALS as error:
                detector.detect([image], [[]])
                raise NotAnswered(whose, error) from error
        found.append(seen)
    return found


def _compare(before: Detections, now: Detections, where: str) -> int:
    """How many strong boxes there were, each found again; and none that is new."""
    reach = BOX_TOLERANCE * max(before.width, before.height)
    for one, other, what in ((before, now, "no longer found"), (now, before, "new")):
        free = set(range(len(other)))
        for i in np.flatnonzero(one.scores > LOWEST + SCORE_TOLERANCE):
            apart = {j: np.abs(other.boxes[j] - one.boxes[i]).max() for j in free}
            fitting = [
                j
                for j, distance in apart.items()
                if distance <= reach
                and other.labels[j] == one.labels[i]
                and abs(float(other.scores[j]) - float(one.scores[i])) <= SCORE_TOLERANCE
            ]
            if not fitting:
                raise UserError(
                    f"{where}: {one.labels[i]} ({one.scores[i]:.3f}) is {what}, so this "
                    "installation answers differently from when the canary was recorded; try "
                    "--device cpu, see what was updated, or record it again with 'spatialbench "
                    "doctor --record-canary' where you trust it. Nothing is scored."
                )
            free.remove(min(fitting, key=apart.__getitem__))
    return int((before.scores > LOWEST + SCORE_TOLERANCE).sum())
