"""The fixed plan of batches: what is computed together never depends on what is already done.

Pixels and boxes change in their last bits with the composition of a batch. So batch i is always
jobs i*b to (i+1)*b in run order; if one of them is unfinished the whole batch is computed again
and only what is missing is written. An interrupted stage thus ends with the bytes of an
uninterrupted one. (Another selection or batch size cuts other batches; it may change the last
bits, as it may for any real model.)
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ..errors import UserError
from ..runs.expected import Key


@dataclass(frozen=True, slots=True)
class DueBatch:
    """A batch to compute: all its jobs, and those of them whose result must be written."""

    keys: tuple[Key, ...]
    missing: frozenset[Key]


def due_batches(keys: Sequence[Key], done: Collection[Key], size: int) -> list[DueBatch]:
    """The batches of the plan that hold an unfinished job.

    Args:
        keys: all jobs, in run order.
        done: finished jobs (looked up by hash).
        size: jobs a batch.

    Raises:
        UserError: a size below 1.
    """
    if size < 1:
        raise UserError(f"--batch-size {size} is too small: give a whole number of at least 1.")
    due = []
    for start in range(0, len(keys), size):
        batch = tuple(keys[start : start + size])
        missing = frozenset(key for key in batch if key not in done)
        if missing:
            due.append(DueBatch(batch, missing))
    return due
