"""Which images a selection of a benchmark's prompts expects, and their order."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import overload

from ..plugins import Benchmark, ImageRequest
from ..prompts import Key, Prompt
from .names import safe_id
from .seeds import SeedScheme
from .selection import Selection, run_order, select

_SHOWN = 5


@dataclass(frozen=True)
class Expected:
    """The expected images, from the benchmark and never from what a folder happens to hold.

    Attributes:
        benchmark: where the prompts and seeds come from.
        subset: name of the prompt subset.
        all_prompts: the whole subset, in the benchmark's order.
        prompts: the selected prompts, in run order.
        images_per_prompt: images 0 .. n-1 of each are expected.
        seeds: the seed scheme.
        selection: what was asked for.
    """

    benchmark: Benchmark
    subset: str
    all_prompts: Sequence[Prompt]
    prompts: Sequence[Prompt]
    images_per_prompt: int
    seeds: SeedScheme
    selection: Selection

    @property
    def images(self) -> int:
        """How many images are expected."""
        return len(self.prompts) * self.images_per_prompt

    @cached_property
    def by_id(self) -> dict[str, Prompt]:
        """The selected prompts by id."""
        return {prompt.id: prompt for prompt in self.prompts}

    @cached_property
    def rank(self) -> dict[str, int]:
        """Position of every prompt of the subset in run order: the order of finished records.

        It is of the subset and not of the selection, so that a larger selection continues a file.
        """
        return {prompt.id: rank for rank, prompt in enumerate(run_order(self.all_prompts))}

    def order(self, key: Key) -> tuple[int, int]:
        """Sorting key of an image in finished record files."""
        return self.rank.get(key[0], len(self.rank)), key[1]

    def keys(self) -> list[Key]:
        """The expected images in run order."""
        return [(p.id, index) for p in self.prompts for index in range(self.images_per_prompt)]

    def request(self, key: Key) -> ImageRequest:
        """The job of one image, with its seed."""
        prompt = self.by_id[key[0]]
        return ImageRequest(prompt, key[1], self.seeds.seed(self.benchmark, prompt, key[1]))


@dataclass(frozen=True)
class ToJudge(Sequence[ImageRequest]):
    """Images as a rule is told of them, made once it asks: most rules need none of them.

    Of unknown seeds, which no rule asks for, 0 each.
    """

    expected: Expected
    keys: Collection[Key]

    @cached_property
    def _requests(self) -> list[ImageRequest]:
        if self.expected.seeds.known:
            return [self.expected.request(key) for key in self.keys]
        prompts = self.expected.by_id
        return [ImageRequest(prompts[prompt], index, 0) for prompt, index in self.keys]

    def __len__(self) -> int:
        return len(self.keys)

    def __iter__(self) -> Iterator[ImageRequest]:
        return iter(self._requests)

    @overload
    def __getitem__(self, place: int) -> ImageRequest: ...
    @overload
    def __getitem__(self, place: slice) -> list[ImageRequest]: ...
    def __getitem__(self, place: int | slice) -> ImageRequest | list[ImageRequest]:
        return self._requests[place]


def expect(
    benchmark: Benchmark,
    subset: str,
    selection: Selection,
    seeds: SeedScheme,
) -> Expected:
    """Find the expected images of a selection.

    Raises:
        UserError: an unknown subset, an unknown name in ``selection.only``, or a prompt id that
            cannot be a folder name.
    """
    prompts = benchmark.prompts(subset)
    _require_safe(tuple(prompt.id for prompt in prompts))
    return Expected(
        benchmark,
        subset,
        prompts,
        select(prompts, selection, benchmark.labels),
        selection.images_per_prompt or benchmark.images_per_prompt,
        seeds,
        selection,
    )


@lru_cache(maxsize=4)
def _require_safe(ids: tuple[str, ...]) -> None:
    """Looked at once, for a table of many runs expects images of the same prompts for each."""
    for one in ids:
        safe_id(one)


def name_some(keys: Collection[Key]) -> str:
    """``12/0, 12/1 and 3 more``."""
    shown = ", ".join(f"{prompt_id}/{index}" for prompt_id, index in sorted(keys)[:_SHOWN])
    rest = len(keys) - _SHOWN
    return f"{shown} and {rest} more" if rest > 0 else shown
