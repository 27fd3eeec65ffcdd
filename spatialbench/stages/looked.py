"""What the detections of a whole run or file show of the detector: its labels and its scores.

One picture without a box above the threshold is a wrong picture. No picture with one, or no label
that a prompt asks for, is a detector that answers on another scale or in other words: every number
made of it would be a silent zero.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..detections import Detections
from ..errors import UserError
from ..pictures import of_one_colour, one_colour_note
from ..plugins import BenchmarkPlugin, Rule
from ..prompts import Prompt
from ..runs.expected import Key
from ..runs.record_lines import IMAGE_HASH

if TYPE_CHECKING:
    from PIL import Image

ONE_COLOUR = "one_colour"
"""The key of a detections record that says its picture is of one colour; left out elsewhere."""

_SHOWN = 3


def vocabulary(benchmark: BenchmarkPlugin, prompts: Iterable[Prompt]) -> frozenset[str]:
    """The labels that are no sign of a wrong detector.

    That is what the prompts ask for, and what else detectors of this benchmark answer: its optional
    ``vocabulary``, since some give every class they know.
    """
    names: set[str] = set(getattr(benchmark, "vocabulary", ()))
    for prompt in prompts:
        names.update(benchmark.labels(prompt), prompt.objects)
    return frozenset(names)


def found_record(
    signature: str, key: Key, sha256: str | None, found: Detections, image: Image.Image
) -> dict[str, Any]:
    """The record of what a detector found in an image, whose file has this SHA-256.

    Raises:
        UserError: what no detector can have found in it; the message names both.
    """
    try:
        if not isinstance(found, Detections):
            raise UserError(f"the detector returned a {type(found).__name__}: expected Detections.")
        if (found.width, found.height) != image.size:
            raise UserError(
                f"detections in a picture of {found.width} x {found.height} pixels, and it has "
                f"{image.width} x {image.height}: give the size of the picture that was handed "
                "over, and boxes in its pixels."
            )
        built = Detections.build(
            found.boxes, found.scores, found.labels, found.width, found.height, found.colors
        )
        of = {"prompt_id": key[0], "index": key[1], IMAGE_HASH: sha256}
        told = of | built.require_sound().to_record()
    except UserError as error:
        raise UserError(f"{signature}, image {key[0]}/{key[1]}: {error}") from error
    return told | ({ONE_COLOUR: True} if of_one_colour(image) else {})


class Looked:
    """Adds the detections records of a run or a file up."""

    def __init__(self, benchmark: BenchmarkPlugin) -> None:
        self._benchmark = benchmark
        self._prompts: dict[str, Prompt] = {}
        self._labels: Counter[str] = Counter()
        self._one_colour = 0
        # By the threshold that decides: how many pictures, and the best score in any of them.
        self._pictures: Counter[float] = Counter()
        self._best: dict[float, float] = {}

    def add(self, prompt: Prompt, record: Mapping[str, Any], limit: float) -> None:
        """Look at one checked record, whose boxes count above ``limit``."""
        self._prompts[prompt.id] = prompt
        self._one_colour += record.get(ONE_COLOUR) is True
        self._pictures[limit] += 1
        labels = record["labels"]
        if labels:
            self._labels.update(labels)
            self._best[limit] = max(self._best.get(limit, 0.0), *record["scores"])

    def notes(
        self, prompts: Iterable[Prompt], given: float | None = None, rule: Rule | None = None
    ) -> list[str]:
        """Sentences for under the table, or the refusal to make one.

        Args:
            prompts: those of the subset, as far as they have been read.
            given: the threshold that the user chose, at which nothing may count.
            rule: which judges; one with a threshold of its own for some prompts may name the option
                that sets it as ``threshold_option``.

        Raises:
            UserError: boxes, and no label of any of them is known; or no box counts in any of the
                pictures that are judged at a threshold, although there are some.
        """
        unknown = self.unknown(prompts)
        notes = []
        if self._pictures and not self._labels:
            notes.append(f"no box was found in any of {self._pictures.total():,} pictures.")
        for limit, best in self._best.items():
            if np.float32(best) > np.float32(limit):
                continue
            nothing = (
                f"no box in any of {self._pictures[limit]:,} pictures has a score above {limit:g} "
                f"(the best has {best:.3g})"
            )
            if limit == given:
                notes.append(f"{nothing}.")
                continue
            option = getattr(rule, "threshold_option", None) if given is not None else None
            way = f"give --rule NAME:{option}=NUMBER" if option else "give the --threshold"
            raise UserError(
                f"{nothing}: the detector's scores are on another scale than the rule's threshold, "
                f"and every picture would count as wrong; {way} from which this detector's boxes "
                "count."
            )
        if unknown:
            boxes = sum(self._labels[label] for label in unknown)
            total = self._labels.total()
            notes.append(
                f"{boxes:,} of {total:,} boxes ({100 * boxes / total:.1f} %) have a label that no "
                f"prompt asks for: {_some(unknown)}."
            )
        if self._one_colour:
            notes.append(f"{one_colour_note(self._one_colour)}.")
        return notes

    def unknown(self, prompts: Iterable[Prompt]) -> list[str]:
        """The labels that no prompt asks for; ``prompts`` as in ``notes``.

        Raises:
            UserError: all of them.
        """
        known = vocabulary(self._benchmark, [*prompts, *self._prompts.values()])
        unknown = [label for label in self._labels if not (label in known or self._means(label))]
        if self._labels and len(unknown) == len(self._labels):
            raise other_names(unknown, self._asked())
        return unknown

    @property
    def one_colour(self) -> int:
        """How many pictures are of one colour."""
        return self._one_colour

    def _asked(self) -> list[str]:
        labels = self._benchmark.labels
        return list(dict.fromkeys(name for p in self._prompts.values() for name in labels(p)))

    def _means(self, label: str) -> bool:
        """Whether the benchmark itself takes the label for an object of some prompt."""
        stands_for = getattr(self._benchmark, "stands_for", None)
        return stands_for is not None and any(
            stands_for(prompt, label, name)
            for prompt in self._prompts.values()
            for name in prompt.objects
        )


def other_names(labels: Iterable[str], asked: Iterable[str]) -> UserError:
    """The error for labels none of which is a name that is asked for, with what to do about it."""
    given, names = list(labels), list(asked)
    return UserError(
        f"no label of the detections is a name that the prompts ask for: the labels are "
        f"{_some(given)}, and the names are {_some(names)}. {_what_to_do(given, names)}; as they "
        "stand, every picture would count as wrong."
    )


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(map(repr, names[:_SHOWN]))
    return f"{shown}, ..." if len(names) > _SHOWN else shown or "none"


def _what_to_do(labels: list[str], names: list[str]) -> str:
    known = set(names)
    lower = {name.casefold() for name in names}
    longest = sorted(known, key=len, reverse=True)
    for label in labels:
        plain = " ".join(label.split())
        if plain in known:
            return f"Take the blanks around the names out: {label!r} is {plain!r}"
        if plain.casefold() in lower:
            name = next(name for name in names if name.casefold() == plain.casefold())
            return f"Write the names as they are asked, letter by letter: {label!r} is {name!r}"
        spaced = plain.replace("_", " ").replace("-", " ")
        if spaced in known:
            return f"Write blanks between the words: {label!r} is {spaced!r}"
        for ending in ("s", "es"):
            if plain.casefold().removesuffix(ending) in lower and plain.endswith(ending):
                return f"Give one object's name to a box: {label!r} is {plain[: -len(ending)]!r}"
        inside = f" {plain.strip('.').casefold()} "
        for name in longest:
            if f" {name.casefold()} " in inside:
                return f"Strip the words of the query from the labels: {label!r} is {name!r}"
    return "Give every box one of the names that its prompt asks for"
