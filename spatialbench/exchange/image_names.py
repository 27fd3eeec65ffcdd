"""What a layout says of each file, and what it may look at to say it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..prompts import Prompt

_AROUND = re.compile(r"[\s='\"]*(\d{1,9})(?:\.0+)?[\s\"]*", re.ASCII)
"""A number as spreadsheets write it: `007`, `7.0`, `'7`, `="7"`."""


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A file that is no image of a prompt and need not be one: ``why`` says what it is."""

    why: str


Placed = tuple[str, int] | str | PassedOver
"""Prompt id and image index of a file, a sentence that says why it has none, or no image."""


@dataclass(frozen=True)
class Names:
    """What a layout may look at besides a file's name.

    Attributes:
        prompts: all prompts of the subset, in the benchmark's order.
        images_per_prompt: how many images of each prompt are expected.
        judged: what a benchmark's scorer reads of a prompt's metadata, as text to compare, or None
            for metadata of another form; None where the benchmark has no metadata. A benchmark
            offers it as an optional ``judged_metadata(metadata)``.
    """

    prompts: Sequence[Prompt]
    images_per_prompt: int
    judged: Callable[[Any], str | None] | None = None

    @cached_property
    def known(self) -> Mapping[str, Prompt]:
        """The prompts by id."""
        return {prompt.id: prompt for prompt in self.prompts}

    @cached_property
    def by_text(self) -> Mapping[str, list[Prompt]]:
        """The prompts of each text."""
        found: dict[str, list[Prompt]] = {}
        for prompt in self.prompts:
            found.setdefault(prompt.text, []).append(prompt)
        return found

    @cached_property
    def by_judged(self) -> Mapping[str, list[Prompt]]:
        """The prompts of each metadata as the scorer reads it; empty without metadata."""
        found: dict[str, list[Prompt]] = {}
        for prompt in self.prompts:
            key = self.judged(prompt.facts.get("metadata")) if self.judged else None
            if key is not None:
                found.setdefault(key, []).append(prompt)
        return found

    def unknown(self, prompt_id: str) -> str:
        """The sentence for an id that the benchmark does not have."""
        # In quotes where blanks would not be seen.
        shown = prompt_id if prompt_id == prompt_id.strip() else repr(prompt_id)
        said = f"the benchmark has no prompt {shown}"
        near = [prompt_id.strip()] if prompt_id.strip() in self.known else []
        # Spreadsheets take zeros away, add a fraction, or mark a number as text.
        if not near and (number := _AROUND.fullmatch(prompt_id)):
            same = [known for known in self.known if is_number(known)]
            near = [known for known in same if int(known) == int(number[1])]
        return f"{said}: did you mean {near[0]}?" if len(near) == 1 else said


def is_number(text: str) -> bool:
    """Whether a text is a whole number of at most nine ASCII digits."""
    return re.fullmatch(r"\d{1,9}", text, re.ASCII) is not None
