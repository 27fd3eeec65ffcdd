"""Which batch size is the fastest here: measured on a few images that are thrown away."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..errors import UserError
from ..plugins import ImageRequest, Method
from ..weights.memory import is_out_of_memory, release

SHARE = 0.05
"""Of a run's images, so many at most are made to measure with."""

GAIN = 1.03
"""By this factor a batch twice as large has to be faster per image, to be worth its memory."""


@dataclass(frozen=True, slots=True)
class Found:
    """What was measured.

    Attributes:
        size: images at a time.
        rates: images per second by batch size; empty where nothing was measured.
        made: images that were made to measure with.
        too_large: a batch size that memory does not hold; None where none was met.
    """

    size: int
    rates: dict[int, float]
    made: int = 0
    too_large: int | None = None

    @property
    def told(self) -> str:
        """For the user."""
        if not self.rates:
            return f"batch size {self.size}: the run is too small to measure others"
        rates = ", ".join(f"{rate:.3g} at {size}" for size, rate in self.rates.items())
        memory = "" if self.too_large is None else f"; memory does not hold {self.too_large}"
        return (
            f"batch size {self.size}: images per second are {rates}{memory} (measured on "
            f"{self.made} images that were thrown away)"
        )


def fastest_batch(
    method: Method,
    requests: Sequence[ImageRequest],
    start: int,
    clock: Callable[[], float] = time.perf_counter,
) -> Found:
    """Double the batch size while that makes images faster; halve it while memory runs out.

    Args:
        method: is loaded.
        requests: the images of the run that are to be made.
        start: the first batch size.
        clock: seconds.

    Raises:
        UserError: out of memory with a single image.
    """
    most = SHARE * len(requests)
    largest = method.largest_batch or len(requests)
    if 2 * start > most or start > largest:
        return Found(min(start, largest), {})
    method.load()
    rates: dict[int, float] = {}
    size, made, too_large = start, 0, None
    while True:
        try:
            # Once for what a new shape costs once, and once for the time.
            method.generate(requests[:size])
            begun = clock()
            method.generate(requests[:size])
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            error.__traceback__ = None
            too_large = size
        else:
            rates[size] = size / (clock() - begun)
            made += 2 * size
        if too_large == size:
            release()
            if rates:
                break
            if size == 1:
                raise UserError(
                    "out of memory with a single image: choose a smaller size or --dtype float16, "
                    "free the device, or give --device cpu."
                )
            size //= 2
            continue
        slower = rates[size] < GAIN * rates.get(size // 2, 0.0)
        if slower or too_large is not None or 2 * size > largest or made + 4 * size > most:
            break
        size *= 2
    worth = [one for one in rates if rates[one] >= GAIN * rates.get(one // 2, 0.0)]
    return Found(max(worth), rates, made, too_large)
