"""The fastest batch size: grows while that pays, shrinks while memory runs out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from PIL import Image

from spatialbench.errors import UserError
from spatialbench.plugins import ImageRequest
from spatialbench.stages.batch_search import fastest_batch
from tests.stages.fakes import Painter, make_prompts

REQUESTS = [ImageRequest(prompt, k, 42 + k) for prompt in make_prompts(5000) for k in range(2)]


@dataclass
class Timed(Painter):
    """Takes a time of its own clock by the size of the batch."""

    takes: Callable[[int], float] = float
    most: int | None = None
    now: float = 0.0
    sizes: list[int] = field(default_factory=list)

    @property
    def largest_batch(self) -> int | None:
        return self.most

    def generate(self, requests: Sequence[ImageRequest]) -> list[Image.Image]:
        self.sizes.append(len(requests))
        self.now += self.takes(len(requests))
        if self.fits is not None and len(requests) > self.fits:
            raise RuntimeError("CUDA out of memory")
        return []


def found(method: Timed, start: int = 8, count: int = 10_000) -> Any:
    return fastest_batch(method, REQUESTS[:count], start, lambda: method.now)


def test_it_grows_while_that_makes_images_faster() -> None:
    # Time for the batch as such, and for each image behind the 32 that fit side by side.
    method = Timed(takes=lambda size: 8.0 if size <= 32 else size / 4)
    best = found(method)
    assert (best.size, best.made) == (32, 2 * (8 + 16 + 32 + 64))
    assert method.sizes == [8, 8, 16, 16, 32, 32, 64, 64]
    assert best.told == (
        "batch size 32: images per second are 1 at 8, 2 at 16, 4 at 32, 4 at 64 (measured on 240 "
        "images that were thrown away)"
    )


def test_twice_as_large_and_hardly_faster_is_not_worth_it() -> None:
    method = Timed(takes=lambda size: size * (1.0 if size < 16 else 0.98))
    assert found(method).size == 8
    assert method.sizes == [8, 8, 16, 16]


def test_it_stops_where_memory_does() -> None:
    method = Timed(takes=lambda size: 1.0, fits=20)
    best = found(method)
    assert (best.size, best.too_large) == (16, 32)
    assert "memory does not hold 32" in best.told
    assert method.sizes == [8, 8, 16, 16, 32]


def test_it_shrinks_until_memory_holds_it() -> None:
    method = Timed(takes=lambda size: 1.0, fits=3)
    assert found(method).size == 2
    assert method.sizes == [8, 4, 2, 2]
    with pytest.raises(UserError, match="out of memory with a single image"):
        found(Timed(fits=0))


def test_a_run_gives_a_twentieth_of_its_images_and_a_small_one_nothing() -> None:
    method = Timed(takes=lambda size: 1.0)
    assert found(method, count=1000).size == 16
    assert sum(method.sizes) <= 50
    method = Timed(takes=lambda size: 1.0)
    best = found(method, count=100)
    assert (best.size, method.sizes, method.loads) == (8, [], 0)
    assert best.told == "batch size 8: the run is too small to measure others"


def test_a_method_with_a_largest_batch_keeps_to_it() -> None:
    method = Timed(takes=lambda size: 1.0, most=16)
    assert found(method).size == 16


def test_other_errors_pass() -> None:
    def broken(size: int) -> float:
        raise ValueError("no paint")

    with pytest.raises(ValueError, match="no paint"):
        found(Timed(takes=broken))
