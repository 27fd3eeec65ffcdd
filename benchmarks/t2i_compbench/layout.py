"""``samples/<prompt>_<running number>.png``: how the official scripts name their images.

The number runs on over the images of all prompts of a run, from the number of files that were in
the folder already; other scripts number the images of each prompt from 0 under the same names.
Because the prompt stands in the name, the number is only needed for the image's place among those
of its prompt.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

from spatialbench.errors import UserError
from spatialbench.plugins.layout import (
    ImageFiles,
    Layout,
    Names,
    PassedOver,
    Placed,
    Plan,
    is_number,
)
from spatialbench.plugins.named_by_text import prompts_named
from spatialbench.prompts import Key

_GRID = re.compile(r".+-grid-\d+", re.ASCII)

_MOST_A_PROMPT = 64
_LONGEST_NAME = 255
"""Bytes of a file name that file systems take."""


class RunningLayout(Layout):
    """The number runs on over the images of a prompt file, or of each prompt from 0."""

    summary = "samples/<prompt>_<running number>.png"

    def place(self, source: ImageFiles, names: Names) -> dict[str, Placed]:
        """``<prompt>_<number>.png``, in ``samples/`` or not; see ``Numbers.place``."""
        placed: dict[str, Placed] = {}
        numbered: dict[str, tuple[str, int]] = {}
        for name in source.names:
            path = PurePosixPath(name)
            text, _, digits = path.stem.rpartition("_")
            if _GRID.fullmatch(path.stem):
                placed[name] = PassedOver("the official script's sheet of all samples of a prompt")
            elif "labels" in path.parts[:-1]:
                placed[name] = PassedOver("what the official scorers write")
            elif not text or not is_number(digits):
                placed[name] = "expected '<prompt>_<6 digits>.png'"
            else:
                numbered[name] = text, int(digits)
        lines = {prompt.id: line for line, prompt in enumerate(names.prompts)}
        meant = prompts_named((text for text, _ in numbered.values()), names)
        sound: dict[str, tuple[tuple[int, ...], int]] = {}
        for name, (text, number) in numbered.items():
            prompts = meant[text]
            if isinstance(prompts, str):
                placed[name] = prompts
            else:
                sound[name] = tuple(lines[prompt.id] for prompt in prompts), number
        numbers = Numbers.of(sound.values(), names.images_per_prompt)
        for name, (candidates, number) in sound.items():
            where = numbers.place(candidates, number)
            if isinstance(where, str):
                placed[name] = where
            else:
                placed[name] = names.prompts[where[0]].id, where[1]
        return placed

    def plan(self, names: Names, keys: Sequence[Key]) -> Plan:
        """See the class. Raises UserError for a text that cannot stand in a file name."""
        position = {prompt.id: place for place, prompt in enumerate(names.prompts)}
        per_prompt = names.images_per_prompt
        images = {}
        for prompt_id, k in keys:
            text = names.known[prompt_id].text
            number = position[prompt_id] * per_prompt + k
            name = f"{text}_{number:06d}.png"
            if len(name.encode()) > _LONGEST_NAME:
                raise UserError(
                    f"image {k} of {text[:40]!r}... has no name in the layout t2i-compbench: the "
                    f"prompt is too long for a file name of {_LONGEST_NAME} bytes; choose another "
                    "--layout, such as flat+csv."
                )
            if any(character in text for character in "_/\\") or k >= per_prompt:
                raise UserError(
                    f"image {k} of {text!r} has no name in the layout t2i-compbench, whose names "
                    f"are '<prompt>_<number>.png' with {per_prompt} images per prompt: choose "
                    "another --layout."
                )
            images[prompt_id, k] = f"samples/{name}"
        return Plan(images, {})


LAYOUT = RunningLayout()


@dataclass(frozen=True)
class Numbers:
    """The numbers of a folder, and which count they follow.

    Attributes:
        of_lines: the distinct numbers, sorted, by the lines of the prompts of one text.
        per_prompt: how many images of each prompt are expected.
    """

    of_lines: Mapping[tuple[int, ...], Sequence[int]]
    per_prompt: int

    @classmethod
    def of(cls, found: Iterable[tuple[tuple[int, ...], int]], per_prompt: int) -> Numbers:
        """The numbers of files whose prompts are known by their lines."""
        by_lines: dict[tuple[int, ...], set[int]] = {}
        for lines, number in found:
            by_lines.setdefault(lines, set()).add(number)
        return cls({lines: sorted(numbers) for lines, numbers in by_lines.items()}, per_prompt)

    def place(self, lines: tuple[int, ...], number: int) -> tuple[int, int] | str:
        """Line and image index of a number, or why it has none.

        In this order: the numbers run on over the whole prompt file, from one start; or a prompt
        has all its images, whatever the start; or every prompt numbers its own from 0. In all
        other cases a number says nothing for certain, and gets a sentence.
        """
        count = self.per_prompt
        if self.start is not None:
            line, index = divmod(number - self.start, count)
            return line, index
        if self.complete(lines) and self.trusted:
            place, index = divmod(self.of_lines[lines].index(number), count)
            return lines[place], index
        if self.own:
            return lines[0], number
        fits = number // count in lines
        if self.other is not None and not (fits and number < count):
            return (
                f"the running numbers are those of {self.other} images per prompt, and {count} "
                f"are expected: give --images-per-prompt {self.other}"
            )
        if fits and not self.trusted:
            return number // count, number % count
        return self._refused(lines)

    @cached_property
    def start(self) -> int | None:
        """The number of the first image of the prompt file, by which all are their prompts'."""
        whole = [lines for lines in self.of_lines if self.complete(lines)]
        starts = [self.of_lines[lines][0] - min(lines) * self.per_prompt for lines in whole[:1]]
        return next((start for start in [0, *starts] if self._fit(self.per_prompt, start)), None)

    @cached_property
    def own(self) -> bool:
        """Whether each prompt numbers its own images: a running number never comes twice."""
        seen = Counter(number for numbers in self.of_lines.values() for number in numbers)
        if max(seen.values()) == 1 or any(len(lines) > 1 for lines in self.of_lines):
            return False
        return max(seen) < self.per_prompt or all(n[0] == 0 for n in self.of_lines.values())

    @cached_property
    def trusted(self) -> bool:
        """Whether what is complete by the expected count is not so by chance."""
        whole = [self.complete(lines) for lines in self.of_lines]
        more = any(len(n) > len(lines) * self.per_prompt for lines, n in self.of_lines.items())
        return any(whole) and not more and self.other is None

    @cached_property
    def other(self) -> int | None:
        """The only other count by which all numbers are right; None where there is not one."""
        if not self.of_lines:
            return None
        counts = {len(n) / len(lines) for lines, n in self.of_lines.items() if _runs_on(n)}
        if len(counts) == 1 and all(map(_runs_on, self.of_lines.values())):
            count = next(iter(counts))
            return int(count) if count.is_integer() and count != self.per_prompt else None
        others = [count for count in range(1, _MOST_A_PROMPT + 1) if self._fit(count, 0)]
        return others[0] if len(others) == 1 and others[0] != self.per_prompt else None

    def complete(self, lines: tuple[int, ...]) -> bool:
        """Whether a text has all its images, with numbers that run on."""
        numbers = self.of_lines[lines]
        return len(numbers) == len(lines) * self.per_prompt and (
            len(lines) > 1 or _runs_on(numbers)
        )

    def _fit(self, count: int, start: int) -> bool:
        return all(
            number >= start and (number - start) // count in lines
            for lines, numbers in self.of_lines.items()
            for number in numbers
        )

    def _refused(self, lines: tuple[int, ...]) -> str:
        numbers, count = self.of_lines[lines], self.per_prompt
        shown = ", ".join(f"{number:06d}" for number in numbers[:4])
        shown += ", ..." if len(numbers) > 4 else ""
        if self.trusted:
            return (
                f"of the {count} images of the prompt these numbers are there: {shown}; which are "
                "missing cannot be told: complete them, or use --layout flat+csv"
            )
        first = lines[0] * count
        return (
            f"the prompt's running numbers are {first:06d} to {first + count - 1:06d} with {count} "
            "images per prompt"
        )


def _runs_on(numbers: Sequence[int]) -> bool:
    return numbers[-1] - numbers[0] == len(numbers) - 1
