"""What tells which of some images of one prompt shows best what the prompt asks for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from itertools import product
from statistics import fmean
from typing import TYPE_CHECKING, Any

from ...detections import Detections
from ...errors import UserError, blamed
from ...plugins import Detector, Json, Judge, Requirement, names
from ...plugins.detector_names import plugin_of
from ...plugins.discovery import name_and_rest
from ...plugins.members import configured
from ...plugins.records import checked_answers
from ...prompts import Prompt, Triplet, asked_triplets
from ...relations import Relation

if TYPE_CHECKING:
    from PIL import Image

Score = tuple[float, ...]
"""The larger, the better; compared number by number."""

_AXES: Mapping[Relation, tuple[int, bool]] = {
    Relation.LEFT: (0, True),
    Relation.RIGHT: (0, False),
    Relation.ABOVE: (1, True),
    Relation.BELOW: (1, False),
}
"""The axis, x or y, and whether the subject's coordinate is the smaller one."""


class Chooser(ABC):
    """A detector or a judge that scores the images of one prompt."""

    model: Detector | Judge

    def identity(self) -> Json:
        """The model's, with its signature as the name."""
        return {"name": self.model.signature(), "model": self.model.identity()}

    def requirements(self, prompts: Sequence[Prompt]) -> Sequence[Requirement]:
        """What the model needs to look at images of these prompts."""
        return ()

    def check(self, prompt: Prompt) -> None:
        """Refuse a prompt by which it cannot choose; by default none.

        Raises:
            UserError: says which, and why.
        """
        return

    @abstractmethod
    def scores(self, prompt: Prompt, images: Sequence[Image.Image]) -> list[Score]:
        """One per image; the images are looked at together, and with none of another prompt."""

    @property
    def whose(self) -> str:
        """The model as a sentence names it."""
        return f"what chooses, {self.model.signature()},"


class ByBoxes(Chooser):
    """By a detector: the weakest of all that is asked for decides, and then their mean.

    Of an object that is the score of its best box; of a relation in the plane that of the worse box
    of the best pair whose centres stand so. Relations in depth and nearness cannot be told from
    centres, and ask for both objects alone. No threshold is needed.
    """

    model: Detector

    def __init__(self, detector: Detector) -> None:
        self.model = detector

    def requirements(self, prompts: Sequence[Prompt]) -> Sequence[Requirement]:
        """The detector's."""
        return self.model.requirements(sorted({one for p in prompts for one in _objects(p)}))

    def check(self, prompt: Prompt) -> None:
        """Refuse a prompt that names no object."""
        if not _objects(prompt):
            raise UserError(
                f"prompt {prompt.id} names no object that a detector could look for, so that "
                "best-of-n cannot choose by one: give --set judge= a judge that answers questions, "
                "or leave the prompt out."
            )

    def scores(self, prompt: Prompt, images: Sequence[Image.Image]) -> list[Score]:
        """See :class:`Chooser`."""
        asked = _objects(prompt)
        with blamed(self.whose):
            found = self.model.detect(images, [asked] * len(images))
        if len(found) != len(images):
            raise UserError(
                f"{self.whose} returned {len(found)} results for {len(images)} images: expected "
                "one per image."
            )
        return [score_of(prompt, one) for one in found]


class ByAnswer(Chooser):
    """By a judge: its probability that the image shows the prompt."""

    model: Judge

    def __init__(self, judge: Judge) -> None:
        self.model = judge

    def requirements(self, prompts: Sequence[Prompt]) -> Sequence[Requirement]:
        """The judge's."""
        return self.model.requirements()

    def scores(self, prompt: Prompt, images: Sequence[Image.Image]) -> list[Score]:
        """See :class:`Chooser`."""
        question = f'does this image show "{prompt.text.strip().rstrip(".")}"?'
        with blamed(self.whose):
            answers = self.model.answer(images, [[question]] * len(images))
        if len(answers) != len(images):
            raise UserError(
                f"{self.whose} answered about {len(answers)} images of {len(images)}: expected "
                "one answer per image."
            )
        return [tuple(checked_answers([question], one)) for one in answers]


def chooser_of(given: str, device: str, offline: bool) -> Chooser:
    """The detector or judge of that name.

    Args:
        given: as ``--detector`` and ``--judge`` take it, perhaps with weights.

    Raises:
        UserError: no name, or an unknown one.
    """
    known = sorted({*names("detector"), *names("judge")})
    if not given:
        raise UserError(
            "best-of-n keeps the image that a detector or judge likes best, and none is named: "
            f"give --set judge=NAME, another than the one that scores (known: {', '.join(known)})."
        )
    if name_and_rest("judge", given)[0] in names("judge"):
        plugin, weights = plugin_of(given, "judge")
        return ByAnswer(configured(plugin, Judge, weights, device, offline))
    plugin, weights = plugin_of(given)
    return ByBoxes(configured(plugin, Detector, weights, device, offline))


def score_of(prompt: Prompt, found: Detections) -> Score:
    """How well boxes show what a prompt asks for; see :class:`ByBoxes`."""
    by_name: dict[str, list[tuple[float, Any]]] = {}
    for box, score, label in zip(found.boxes, found.scores, found.labels, strict=True):
        by_name.setdefault(label, []).append((float(score), (box[:2] + box[2:]) / 2))
    parts = [max((s for s, _ in by_name.get(name, ())), default=0.0) for name in _objects(prompt)]
    parts += [_placed(one, by_name) for one in asked_triplets(prompt)]
    return min(parts), fmean(parts)


def chosen(scores: Sequence[Score]) -> int:
    """The place of the best; the first of those that are alike."""
    return max(range(len(scores)), key=lambda place: (scores[place], -place))


def _placed(triplet: Triplet, by_name: Mapping[str, Sequence[tuple[float, Any]]]) -> float:
    pairs = product(by_name.get(triplet.subject, ()), by_name.get(triplet.object, ()))
    axis, smaller = _AXES.get(triplet.relation, (None, True))

    def stand_so(subject: Any, other: Any) -> bool:
        if axis is None:
            return True
        return bool(subject[axis] < other[axis] if smaller else subject[axis] > other[axis])

    fine = [min(a[0], b[0]) for a, b in pairs if a is not b and stand_so(a[1], b[1])]
    return max(fine, default=0.0)


def _objects(prompt: Prompt) -> list[str]:
    named = [name for one in asked_triplets(prompt) for name in (one.subject, one.object)]
    return list(dict.fromkeys([*prompt.objects, *named]))
