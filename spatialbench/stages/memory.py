"""Working through a batch in smaller pieces when the memory does not hold it."""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import Callable, Sequence
from typing import TypeVar

from ..errors import UserError

_log = logging.getLogger("spatialbench")

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
    """

    def __init__(self) -> None:
        self.size: int | None = None

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
                if len(piece) == 1:
                    raise UserError(
                        "out of memory with a single image: choose a smaller size or "
                        "--dtype float16, free the device, or give --device cpu."
                    ) from error
                self.size = len(piece) // 2
                _log.warning(
                    "out of memory with %d images at a time: going on with %d (--batch-size %d "
                    "spares the attempt).",
                    len(piece),
                    self.size,
                    self.size,
                )
                # The error holds the frames, and the frames hold the tensors.
                error.__traceback__ = None
            else:
                if len(found) != len(piece):
                    raise ValueError(f"{len(piece)} were asked for and {len(found)} came back")
                answers.extend(found)
                continue
            _release()
        return answers


def _release() -> None:
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
