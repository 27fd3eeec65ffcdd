"""The boxes a detector found in one image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import TYPE_CHECKING, Any, TypeAlias

from .errors import UserError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Float32Array: TypeAlias = "npt.NDArray[np.float32]"
_LONGEST_SIDE = (1 << 31) - 1

REACH = 0.5
"""Parts of the image's longer side by which a box may reach out: OWL-ViT's sides are as long as
the image at most, and their middle lies inside."""

APART = 0.05
"""Parts of the longer side by which a box may lie beside the image. An image counts as the
square of its longer side, because some detectors pad it to one."""

ROUNDING = 0.01
"""Pixels by which corners may be exchanged: float32 arithmetic on a box without extent."""


@dataclass(frozen=True, slots=True)
class Detections:
    """Objects found in one image.

    Attributes:
        boxes: float32, (n, 4), corners x0, y0, x1, y1 in pixels of the original image, y down.
        scores: float32, (n,), in [0, 1].
        labels: n object names.
        width: width of the image in pixels.
        height: height of the image in pixels.
        colors: n colour names, None for a box whose colour was not asked for; None where no
            colours were looked at.
    """

    boxes: Float32Array
    scores: Float32Array
    labels: tuple[str, ...]
    width: int
    height: int
    colors: tuple[str | None, ...] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def above(self, threshold: float) -> Detections:
        """The detections whose float32 score is strictly greater than float32(threshold)."""
        import numpy as np

        keep = self.scores > np.float32(threshold)
        return Detections(
            self.boxes[keep],
            self.scores[keep],
            tuple(compress(self.labels, keep)),
            self.width,
            self.height,
            None if self.colors is None else tuple(compress(self.colors, keep)),
        )

    def require_sound(self, anywhere: bool = False) -> Detections:
        """The same, if a detector can have found it.

        A box may have no extent, and may reach out of the image; see ``REACH`` and ``APART``.

        Args:
            anywhere: leave out where the boxes lie.

        Raises:
            UserError: a score outside 0 to 1, a box whose corners are exchanged, or one outside the
                image.
        """
        scores, boxes = self.scores, self.boxes
        if not len(scores):
            return self
        import numpy as np

        wrong = np.flatnonzero((scores < 0) | (scores > 1))
        if len(wrong):
            raise UserError(
                f"the box {_shown(boxes[wrong[0]])} of {self.labels[wrong[0]]!r} has the score "
                f"{scores[wrong[0]]:g}: expected scores from 0 to 1 "
                f"({_other_scale(scores[wrong])})."
            )
        wrong = np.flatnonzero((boxes[:, 2:] < boxes[:, :2] - np.float32(ROUNDING)).any(axis=1))
        if len(wrong):
            raise UserError(
                f"the box {_shown(boxes[wrong[0]])} of {self.labels[wrong[0]]!r} ends before it "
                "begins: expected corners x0, y0, x1, y1 with x0 <= x1 and y0 <= y1 (not a corner "
                "with width and height)."
            )
        if anywhere:
            return self
        near, far = _bounds(self.width, self.height)
        apart = (boxes[:, 2:] < near[0]) | (boxes[:, :2] > near[1])
        beyond = (boxes[:, :2] < far[0]) | (boxes[:, 2:] > far[1])
        wrong = np.flatnonzero((apart | beyond).any(axis=1))
        if len(wrong):
            raise UserError(
                f"the box {_shown(boxes[wrong[0]])} of {self.labels[wrong[0]]!r} lies outside the "
                f"image of {self.width} x {self.height} pixels: expected corners in pixels of "
                "the image as it was looked at, with its own width and height beside them."
            )
        return self

    @classmethod
    def build(
        cls,
        boxes: npt.ArrayLike,
        scores: npt.ArrayLike,
        labels: Sequence[str],
        width: int,
        height: int,
        colors: Sequence[str | None] | None = None,
    ) -> Detections:
        """Check and convert.

        Raises:
            UserError: lengths that disagree, a malformed box, or a score or corner that is not a
                finite number. A detector that says NaN is broken; it has not found nothing.
        """
        import numpy as np

        box_array = np.asarray(boxes, dtype=np.float32).reshape(-1, 4)
        score_array = np.asarray(scores, dtype=np.float32).reshape(-1)
        if not len(box_array) == len(score_array) == len(labels):
            raise UserError(
                f"detections with {len(box_array)} boxes, {len(score_array)} scores and "
                f"{len(labels)} labels: the three lists must be equally long."
            )
        if isinstance(labels, str) or not all(isinstance(label, str) for label in labels):
            raise UserError("detections whose labels are not a list of names: give every box one.")
        if colors is not None and len(colors) != len(labels):
            raise UserError(
                f"detections with {len(labels)} labels and {len(colors)} colors: give every box "
                "one color (or null), or leave colors out."
            )
        if not (np.isfinite(box_array).all() and np.isfinite(score_array).all()):
            raise UserError(
                "detections with a NaN or infinite box or score: the detector is broken "
                "(run 'spatialbench doctor'); it is not counted as finding nothing."
            )
        if not (1 <= width <= _LONGEST_SIDE and 1 <= height <= _LONGEST_SIDE):
            raise UserError(
                f"detections in an image of {str(width)[:20]} x {str(height)[:20]} pixels: give "
                "its width and height."
            )
        known = None if colors is None else tuple(colors)
        return cls(box_array, score_array, tuple(labels), int(width), int(height), known)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Detections:
        """Read a JSONL record: ``boxes``, ``scores``, ``labels``, ``width``, ``height``.

        ``colors`` may be there too.
        """
        try:
            _numbers(record)
            return cls.build(
                record["boxes"],
                record["scores"],
                record["labels"],
                record["width"],
                record["height"],
                record.get("colors"),
            )
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise UserError(
                f"a detections record is malformed ({error!r}); expected the keys width, height, "
                "boxes [[x0, y0, x1, y1], ...], scores and labels."
            ) from error

    def to_record(self) -> dict[str, Any]:
        """JSON-ready form; float32 values become the doubles that convert back exactly."""
        return {
            "width": self.width,
            "height": self.height,
            "boxes": self.boxes.tolist(),
            "scores": self.scores.tolist(),
            "labels": list(self.labels),
            **({} if self.colors is None else {"colors": list(self.colors)}),
        }


def check_record(record: Mapping[str, Any], anywhere: bool = False) -> None:
    """Refuse a JSONL record that no detector can have made; see ``Detections.require_sound``.

    Every door by which detections come in asks this, and so does everyone who reads a journal back.

    Raises:
        UserError: as ``from_record`` and ``require_sound``.
    """
    if not _plainly_sound(record, anywhere):
        Detections.from_record(record).require_sound(anywhere)


def _plainly_sound(record: Mapping[str, Any], anywhere: bool) -> bool:
    """Whether a record needs no closer look: a fifth of the time of building arrays."""
    try:
        boxes, scores, labels = record["boxes"], record["scores"], record["labels"]
        width, height = record["width"], record["height"]
        if not len(boxes) == len(scores) == len(labels) or "colors" in record:
            return False
        if not (1 <= width <= _LONGEST_SIDE and 1 <= height <= _LONGEST_SIDE):
            return False
        if type(labels) is not list or not set(map(type, labels)) <= {str}:
            return False
        near, far = _bounds(width, height)
        sound = all(0 <= score <= 1 for score in scores) and bool not in map(type, scores)
        for x0, y0, x1, y1 in boxes:
            # A difference, because text can be compared too.
            inside = x1 - x0 >= 0 and y1 - y0 >= 0
            if inside and not anywhere:
                inside = (
                    far[0] <= x0 <= near[1]
                    and far[0] <= y0 <= near[1]
                    and near[0] <= x1 <= far[1]
                    and near[0] <= y1 <= far[1]
                )
            sound = sound and inside
    except (KeyError, TypeError, ValueError):
        return False
    return sound


def _bounds(width: float, height: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """Pixels between which some of a box must lie, and between which all of it must."""
    side = max(width, height)
    apart, reach = APART * side, REACH * side + ROUNDING
    return (-apart, side + apart), (-reach, side + reach)


def _other_scale(scores: Float32Array) -> str:
    if (scores < 0).any():
        return "make probabilities of logits first"
    return "divide percent by 100" if (scores <= 100).all() else "divide by the largest possible"


def _numbers(record: Mapping[str, Any]) -> None:
    """Refuse text and lists of another shape, which arrays would take and rules would not.

    Raises:
        TypeError: with what there is.
    """
    for score in record["scores"]:
        _number(score)
    for box in record["boxes"]:
        if isinstance(box, bool | int | float | str) or len(box) != 4:
            raise TypeError(f"the box {box!r} is not four corners")
        for corner in box:
            _number(corner)


def _number(value: Any) -> None:
    if isinstance(value, bool | str):
        raise TypeError(f"{value!r} is not a number")


def _shown(box: Float32Array) -> str:
    return f"[{', '.join(f'{corner:g}' for corner in box.tolist())}]"
