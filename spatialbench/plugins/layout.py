"""Layouts: where a tool's users keep their images, and what file names and tables say of them."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from ..prompts import Key, Prompt

DETECTIONS, RESULTS = "detections", "results"
"""What stands for a layout where there is one file, of records or of a benchmark's results."""
ONE_FILE = (DETECTIONS, RESULTS)
HUB, EVERY_EVAL_EVER = "hub", "every-eval-ever"
"""What stands for a layout that is only written: a data set of the Hub, a record of one run."""
ONLY_WRITTEN = (HUB, EVERY_EVAL_EVER)
FLAT = "flat+csv"
"""The layout that is no benchmark's."""

_AROUND = re.compile(r"[\s='\"]*(\d{1,9})(?:\.0+)?[\s\"]*", re.ASCII)
"""A number as spreadsheets write it: `007`, `7.0`, `'7`, `="7"`."""


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A file that is not an image of a prompt and need not be one: ``why`` says what it is."""

    why: str


@dataclass(frozen=True, slots=True)
class Extra:
    """An image of a prompt that is not the benchmark's: ``why`` names that prompt."""

    why: str


Placed = tuple[str, int] | str | PassedOver | Extra
"""Prompt id and image index of a file, a sentence that says why it has none, or no image.

A list of images, such as a table, also says something of entries that are no file of the source:
these stand under a name for the entry, such as ``line 7``, and always have a sentence.
"""


@dataclass(frozen=True)
class Names:
    """What a layout may look at besides a file's name.

    Attributes:
        prompts: all prompts of the subset, in the benchmark's order.
        images_per_prompt: how many images of each prompt are expected.
        judged: ``Benchmark.judged_metadata``; None where there is no benchmark to ask.
        official: the subset as the benchmark's own prompt file.
        sent: by prompt id the texts that images to be written were made from, where these are
            not the prompts' own.
    """

    prompts: Sequence[Prompt]
    images_per_prompt: int
    judged: Callable[[Any], str | None] | None = None
    official: Callable[[], bytes] = bytes
    sent: Mapping[str, str] = field(default_factory=dict)

    def of_count(self, images_per_prompt: int) -> Names:
        """The same for another number of images, with everything that was found out already."""
        other = replace(self, images_per_prompt=images_per_prompt)
        other.__dict__.update({**self.__dict__, "images_per_prompt": images_per_prompt})
        return other

    @cached_property
    def known(self) -> Mapping[str, Prompt]:
        """The prompts by id."""
        return {prompt.id: prompt for prompt in self.prompts}

    @cached_property
    def by_number(self) -> Mapping[int, list[Prompt]]:
        """The prompts of each id that is a number, padded or not."""
        found: dict[int, list[Prompt]] = {}
        for prompt in self.prompts:
            if is_number(prompt.id):
                found.setdefault(int(prompt.id), []).append(prompt)
        return found

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
            near = [prompt.id for prompt in self.by_number.get(int(number[1]), ())]
        return f"{said}: did you mean {near[0]}?" if len(near) == 1 else said


def is_number(text: str) -> bool:
    """Whether a text is a whole number of at most nine ASCII digits."""
    return re.fullmatch(r"\d{1,9}", text, re.ASCII) is not None


class ImageFiles(Protocol):
    """A folder or an archive: the files in it by relative POSIX name, and their bytes."""

    @property
    def path(self) -> Path:
        """Where it is, for messages."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """Every file, sorted; hidden ones left out."""
        ...

    @property
    def read(self) -> Callable[[str], bytes]:
        """The bytes of one of the names."""
        ...


@dataclass(frozen=True, slots=True)
class Plan:
    """Where each image goes, and the contents of the files beside them, by relative name."""

    images: Mapping[Key, str]
    files: Mapping[str, bytes]


class Layout(ABC):
    """One way to keep images, which ``import`` reads and ``export`` writes for any benchmark.

    What it says of a name it never guesses: a name that does not follow it, or whose prompt the
    benchmark does not have, gets a sentence. What the tool itself leaves beside the images is
    passed over.
    """

    summary: str
    """How files are named, in one line."""

    @abstractmethod
    def place(self, source: ImageFiles, names: Names) -> dict[str, Placed]:
        """What each file of a source is.

        Raises:
            UserError: a table of contents that cannot be used.
        """

    @abstractmethod
    def plan(self, names: Names, keys: Sequence[Key]) -> Plan:
        """File names of these images, so that ``place`` finds every one of them again.

        Raises:
            UserError: a prompt it has no name for.
        """

    def texts(self, source: ImageFiles, names: Names) -> Mapping[str, str]:
        """The text that each file was made from, as far as the source says; by default nothing."""
        return {}

    def listed(self, content: bytes) -> Sequence[str]:
        """The files that a list of images names, as they stand there.

        For layouts of which the user may name the list itself instead of its folder.

        Raises:
            ValueError: the content is no such list; by default always.
        """
        raise ValueError("the layout has no list of images")
