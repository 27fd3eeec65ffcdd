"""The cheapest design for a stated question: images per prompt, and whether to look early."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from math import ceil
from typing import Any

from ..files.shown_text import counted
from ..runs.until import Until
from ..statistics.power import half_width, prompts_needed, standard_error
from ..statistics.spending import LOOKS, price_of_looks
from .tables import Table


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What a plan rests on.

    Attributes:
        rate: expected share of right images, in [0, 1].
        images: images per prompt.
        correlation: between the images of one prompt, in [0, 1].
        between: correlation of two runs' results on one prompt: what pairing gains.
        power: chance of finding the difference.
        confidence: of intervals and tests.
    """

    rate: float
    images: int
    correlation: float
    between: float
    power: float = 0.8
    confidence: float = 0.95


@dataclass(frozen=True, slots=True)
class Design:
    """One way to answer a question.

    Attributes:
        how: the options that make it.
        prompts: at most; of a run that stops by its own interval in 95 of 100 runs.
        images: likewise.
        expected: images on average, where the difference that is asked about is there.
        possible: whether the benchmark has so many prompts.
    """

    how: str
    prompts: int
    images: int
    expected: int
    possible: bool


@dataclass(frozen=True, slots=True)
class Designs:
    """The designs for one question, the cheapest that is possible first."""

    question: str
    found: Sequence[Design]

    def table(self) -> Table:
        """A row per design; the note names the cheapest."""
        rows = [
            [one.how, f"{one.prompts:,}", f"{one.images:,}", f"{one.expected:,}"]
            for one in self.found
        ]
        columns = ["design", "prompts", "images at most", "expected"]
        return Table(columns, rows, f"designs for {self.question}", [self.sentence()])

    def sentence(self) -> str:
        """``cheapest for an interval of ±1: --images-per-prompt 1, about 9,604 images``."""
        best = self.found[0]
        if not best.possible:
            return f"no design: the benchmark has fewer prompts than {self.question} needs"
        return f"cheapest for {self.question}: {best.how}, about {counted(best.expected, 'image')}"

    def document(self) -> dict[str, Any]:
        """As plain JSON."""
        return {"question": self.question, "designs": [asdict(one) for one in self.found]}


def designs(
    assumed: Assumptions,
    difference: float | None = None,
    half: float | None = None,
    whole: int | None = None,
    *,
    stopping: bool = False,
) -> list[Designs]:
    """The designs for the questions that are asked.

    Args:
        difference: a true difference of two runs, in percentage points.
        half: half the width of an interval, in percentage points.
        whole: prompts that the benchmark has; None where that is not known.
        stopping: of those for an interval only the ones that stop by it.
    """
    found = []
    variants = [replace(assumed, images=n) for n in dict.fromkeys((1, assumed.images))]
    if difference is not None:
        most, used = price_of_looks([k / LOOKS for k in range(1, LOOKS + 1)], assumed.power)
        listed = []
        for one in variants:
            once = needed(one, difference)
            for how, plan, mean in (("", 1.0, 1.0), (", --sequential", most, used)):
                possible = whole is None or once * plan <= whole
                listed.append(_design(one, once * plan, once * mean, how, possible))
        found.append(Designs(f"a difference of {difference:g} points, paired", _sorted(listed)))
    if half is not None:
        listed = []
        for one in variants:
            each = half_width(standard_error(one.rate, 1, one.images, one.correlation))
            count = (100 * each / half) ** 2
            mean, most = Until("", half).takes(count, whole or sys.maxsize)
            possible = whole is None or count <= whole
            listed.append(_design(one, most, mean, ", --until", possible))
            if not stopping:
                listed.append(_design(one, count, count, "", possible))
        found.append(Designs(f"an interval of ±{half:g}", _sorted(listed)))
    return found


def _design(assumed: Assumptions, prompts: float, mean: float, how: str, possible: bool) -> Design:
    images = assumed.images
    options = f"--images-per-prompt {images}" + (" --seed-scheme hashed" if images == 1 else "")
    count = ceil(prompts)
    return Design(options + how, count, count * images, ceil(mean) * images, possible)


def _sorted(listed: Sequence[Design]) -> list[Design]:
    return sorted(listed, key=lambda one: (not one.possible, one.expected))


def needed(assumed: Assumptions, difference: float) -> int:
    """Prompts for a true difference in percentage points, paired."""
    return prompts_needed(
        difference / 100,
        assumed.rate,
        assumed.images,
        assumed.correlation,
        assumed.between,
        assumed.power,
        assumed.confidence,
    )
