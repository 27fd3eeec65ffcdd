"""The fixed plan of batches: what is computed together never depends on what is already done.

Pixels and boxes change in their last bits with the composition of a batch. So batch i is always
jobs i*b to (i+1)*b in run order; if one of them is unfinished the whole batch is computed again
and only what is missing is written. An interrupted stage thus ends with the bytes of an
uninterrupted one. (Another selection or batch size cuts other batches; it may change the last
bits, as it may for any real model.)

A shard is every n-th batch of that plan, whatever is done: shards share no batch, and finish with
the bytes of one process.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ..errors import UserError
from ..prompts import Key


@dataclass(frozen=True, slots=True)
class DueBatch:
    """A batch to compute: all its jobs, and those of them whose result must be written."""

    keys: tuple[Key, ...]
    missing: frozenset[Key]


@dataclass(frozen=True, slots=True)
class Shard:
    """Part ``number`` (from 1) of ``count`` parts of the plan."""

    number: int = 1
    count: int = 1

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read ``2/8``.

        Raises:
            UserError: anything but two whole numbers with 1 <= number <= count.
        """
        number, slash, count = text.partition("/")
        if slash and number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count):
            return cls(int(number), int(count))
        raise UserError(
            f"--shard {text!r} is not a part of a whole: expected i/n with i from 1 to n, such as "
            '2/8; in a Slurm array of --array=1-8, type --shard "$SLURM_ARRAY_TASK_ID/8".'
        )

    @property
    def whole(self) -> bool:
        """Whether it is all there is."""
        return self.count == 1


WHOLE = Shard()


def planned(keys: Sequence[Key], size: int, shard: Shard = WHOLE) -> list[tuple[Key, ...]]:
    """The batches of the plan, or of one shard of it.

    Raises:
        UserError: a size below 1.
    """
    if size < 1:
        raise UserError(f"--batch-size {size} is too small: give a whole number of at least 1.")
    starts = range((shard.number - 1) * size, len(keys), shard.count * size)
    return [tuple(keys[start : start + size]) for start in starts]


def due_batches(
    keys: Sequence[Key], done: Collection[Key], size: int, shard: Shard = WHOLE
) -> list[DueBatch]:
    """The batches of the plan that hold an unfinished job.

    Args:
        keys: all jobs, in run order.
        done: finished jobs (looked up by hash).
        size: jobs per batch.
        shard: the part of the plan to look at.

    Raises:
        UserError: a size below 1.
    """
    due = []
    for batch in planned(keys, size, shard):
        missing = frozenset(key for key in batch if key not in done)
        if missing:
            due.append(DueBatch(batch, missing))
    return due
