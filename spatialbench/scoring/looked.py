"""What the detections of a whole run or file show of the detector: its labels and its scores.

One image without a box above the threshold is a wrong image. No image with one, or no label
that a prompt asks for, is a detector that answers on another scale or in other words: every number
made of it would be a silent zero.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from ..detections import Detections
from ..errors import UserError
from ..files.images import of_one_colour, one_colour_note
from ..plugins import Benchmark, Detector
from ..plugins.records import IMAGE_HASH, ONE_COLOUR, AnswerRecord, BoxRecord, SeenRecord
from ..prompts import Key, Prompt
from .judging import Judging
from .label_names import other_names, some

if TYPE_CHECKING:
    from PIL import Image

_SMALL = 8
"""Pixels of the longer side up to which an image may hold no box beyond its first pixel."""


def vocabulary(benchmark: Benchmark, prompts: Iterable[Prompt]) -> frozenset[str]:
    """The labels that are no sign of a wrong detector.

    That is what the prompts ask for, and what else detectors of this benchmark answer: its optional
    ``vocabulary``, since some give every class they know.
    """
    names: set[str] = set(benchmark.vocabulary)
    for prompt in prompts:
        names.update(benchmark.labels(prompt), prompt.objects)
    return frozenset(names)


def found_record(
    detector: Detector, key: Key, sha256: str | None, found: Detections, image: Image.Image
) -> BoxRecord:
    """The record of what a detector found in an image, whose file has this SHA-256.

    Raises:
        UserError: what no detector can have found in it; the message names both.
    """
    try:
        if not isinstance(found, Detections):
            raise UserError(f"the detector returned a {type(found).__name__}: expected Detections.")
        width, height = detector.frame(*image.size)
        if (found.width, found.height) != (width, height):
            raise UserError(
                f"detections in an image of {found.width} x {found.height} pixels, and it has "
                f"{width} x {height}: give the size of the image that was handed "
                "over, and boxes in its pixels."
            )
        built = Detections.build(
            found.boxes, found.scores, found.labels, found.width, found.height, found.colors
        )
        of = {"prompt_id": key[0], "index": key[1], IMAGE_HASH: sha256}
        told = of | built.require_sound().to_record()
    except UserError as error:
        raise UserError(f"{detector.signature()}, image {key[0]}/{key[1]}: {error}") from error
    return BoxRecord(told | ({ONE_COLOUR: True} if of_one_colour(image) else {}))


class Shares:
    """Tells boxes that are given in shares of the image from boxes in pixels.

    By one box this cannot be told: [0, 0, 1, 1] may be a pixel. Where no corner of any box of any
    image lies beyond the first pixel, and one lies between two pixels, they are shares.
    """

    def __init__(self) -> None:
        self._inside = True
        self._between: list[float] | None = None

    def add(self, record: BoxRecord) -> None:
        """Look at the boxes of one record."""
        for box in record.boxes if self._inside else ():
            if not all(0 <= corner <= 1 for corner in box):
                self._inside = False
                return
            between = self._between is None and any(0 < corner < 1 for corner in box)
            if between and max(record.width, record.height) > _SMALL:
                self._between = list(box)

    def refuse(self) -> None:
        """Raises UserError where all boxes so far are shares."""
        if self._inside and self._between is not None:
            box = ", ".join(f"{corner:g}" for corner in self._between)
            raise UserError(
                f"all boxes lie within the first pixel of their images, such as [{box}]: they "
                "look like shares of the image; multiply x0 and x1 by its width, and y0 and y1 "
                "by its height."
            )


class Looked:
    """Adds the detections records of a run or a file up."""

    def __init__(self, benchmark: Benchmark, own_labels: bool = False) -> None:
        """``own_labels`` as a detector has them, see ``Detector``."""
        self._benchmark = benchmark
        self._own_labels = own_labels
        self._prompts: dict[str, Prompt] = {}
        self._labels: Counter[str] = Counter()
        self._one_colour = 0
        self._shares = Shares()
        self._own = False
        self._answers = 0
        self._within: list[float] = []
        self._bounds = 0
        # By the threshold that decides: how many images, and the best score in any of them.
        self._images: Counter[float] = Counter()
        self._best: dict[float, float] = {}

    def add(self, prompt: Prompt, record: SeenRecord, limit: float) -> None:
        """Look at one checked record, whose boxes count above ``limit``."""
        self._prompts[prompt.id] = prompt
        self._one_colour += record.one_colour
        if isinstance(record, AnswerRecord):
            answers, within = record.answers, record.within
            self._answers += len(answers)
            self._within += within.values()
            self._bounds += sum(answers[asked] <= off for asked, off in within.items())
        if not isinstance(record, BoxRecord):
            return
        self._images[limit] += 1
        labels = record.labels
        self._shares.add(record)
        if labels:
            self._labels.update(labels)
            self._own = self._own or self._asks(prompt, labels)
            self._best[limit] = max(self._best.get(limit, 0.0), *record.scores)

    def notes(self, prompts: Iterable[Prompt], judging: Judging) -> list[str]:
        """Sentences for under the table, or the refusal to make one.

        Args:
            prompts: those of the subset, as far as they have been read.
            judging: at the threshold that the user gave nothing may count.

        Raises:
            UserError: boxes, and no label of any of them is known; all boxes in shares of the
                image; or no box counts in any of the images that are judged at a threshold,
                although there are some.
        """
        unknown = self.unknown(prompts)
        notes = []
        if self._within:
            notes.append(
                f"{len(self._within):,} of {self._answers:,} answers are not exact, because the "
                "judge does not tell how likely every word is: off by at most "
                f"{max(self._within):.2g} each, {sum(self._within) / self._answers:.2g} on average."
                + (f" {self._bounds:,} of them may be as small as 0." if self._bounds else "")
            )
        if self._images and not self._labels:
            notes.append(f"no box was found in any of {self._images.total():,} images.")
        for limit, best in self._best.items():
            if np.float32(best) > np.float32(limit):
                continue
            nothing = (
                f"no box in any of {self._images[limit]:,} images has a score above {limit:g} "
                f"(the best has {best:.3g})"
            )
            if limit == judging.given:
                notes.append(f"{nothing}.")
                continue
            option = judging.rule.threshold_option if judging.given is not None else None
            way = f"give --rule NAME:{option}=NUMBER" if option else "give the --threshold"
            raise UserError(
                f"{nothing}: the detector's scores are on another scale than the rule's threshold, "
                f"and every image would count as wrong; {way} from which this detector's boxes "
                "count."
            )
        if unknown:
            boxes = sum(self._labels[label] for label in unknown)
            total = self._labels.total()
            notes.append(
                f"{boxes:,} of {total:,} boxes ({100 * boxes / total:.1f} %) have a label that no "
                f"prompt asks for: {some(unknown)}."
            )
        if self._labels and not self._own:
            notes.append("no box has a label that the prompt of its own image asks for.")
        if self._one_colour:
            notes.append(f"{one_colour_note(self._one_colour)}.")
        return notes

    def unknown(self, prompts: Iterable[Prompt]) -> list[str]:
        """The labels that no prompt asks for; ``prompts`` as in ``notes``.

        Raises:
            UserError: all of them, or all boxes are in shares of the image.
        """
        self._shares.refuse()
        known = vocabulary(self._benchmark, [*prompts, *self._prompts.values()])
        unknown = [label for label in self._labels if not (label in known or self._means(label))]
        if self._labels and len(unknown) == len(self._labels) and not self._own_labels:
            raise other_names(unknown, self._asked())
        return unknown

    @property
    def one_colour(self) -> int:
        """How many images are of one colour."""
        return self._one_colour

    def _asked(self) -> list[str]:
        labels = self._benchmark.labels
        return list(dict.fromkeys(name for p in self._prompts.values() for name in labels(p)))

    def _means(self, label: str) -> bool:
        """Whether the benchmark itself takes the label for an object of some prompt."""
        return any(self._stands_for(prompt, label) for prompt in self._prompts.values())

    def _asks(self, prompt: Prompt, labels: Iterable[str]) -> bool:
        names = {*self._benchmark.labels(prompt), *prompt.objects}
        return any(label in names or self._stands_for(prompt, label) for label in labels)

    def _stands_for(self, prompt: Prompt, label: str) -> bool:
        stands_for = self._benchmark.stands_for
        return any(stands_for(prompt, label, name) for name in prompt.objects)
