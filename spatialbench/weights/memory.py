"""Working through a batch in smaller pieces when the memory does not hold it."""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import Callable, Sequence
from typing import TypeVar

from ..errors import UserError

_log = logging.getLogger("spatialbench")

_HALVED = (
    "out of memory with {0} images at a time: going on with {1} (--batch-size {1} spares the "
    "attempt)."
)

Item = TypeVar("Item")
Answer = TypeVar("Answer")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory ran out, on any device."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and (
        "out of memory" in text or "can't allocate memory" in text or "status_alloc_failed" in text
    )


class Pieces:
    """Calls a batch function, halving what it is given whenever memory runs out.

    The size that fitted is kept for the batches that follow.

    Args:
        relieve: asked first where memory runs out; True where it gave some back, so that the same
            is tried again.
        told: the warning; ``{0}`` stands for the size that did not fit, ``{1}`` for its half.
    """

    def __init__(self, relieve: Callable[[], bool] | None = None, told: str = _HALVED) -> None:
        self.size: int | None = None
        self.relieve = relieve or no_relief
        self._told = told

    def call(
        self, function: Callable[[Sequence[Item]], list[Answer]], items: Sequence[Item]
    ) -> list[Answer]:
        """Answers to all items, in order.

        Raises:
            UserError: memory runs out with a single item.
            ValueError: the function gave another number of answers than it was given items.
        """
        answers: list[Answer] = []
        while len(answers) < len(items):
            piece = items[len(answers) : len(answers) + (self.size or len(items))]
            try:
                found = function(piece)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                if not self.relieve():
                    self._halve(len(piece), error)
                # The error holds the frames, and the frames hold the tensors.
                error.__traceback__ = None
            else:
                if len(found) != len(piece):
                    raise ValueError(f"{len(piece)} were asked for and {len(found)} came back")
                answers.extend(found)
                continue
            release()
        return answers

    def _halve(self, size: int, error: Exception) -> None:
        if size == 1:
            raise UserError(
                "out of memory with a single image: choose a smaller size or --dtype float16, "
                "free the device, or give --device cpu."
            ) from error
        self.size = size // 2
        _log.warning(self._told.format(size, self.size))


def no_relief() -> bool:
    """There is nothing that could give memory back."""
    return False


def release() -> None:
    """Give back to the device what nobody holds any more."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
