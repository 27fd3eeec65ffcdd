"""The order in which numpy's plain sort leaves equal scores, the same on every processor.

The official script sorts with ``np.argsort`` and reverses. Up to 16 boxes numpy inserts, which
keeps equal scores in order of index. Above, it first partitions (median of three, larger part
later), which moves equal scores about; and on processors with AVX-512 newer versions of numpy sort
differently again. The published numbers come from numpy 1.23, which always sorts as here.
"""

from __future__ import annotations

from collections.abc import Sequence

_INSERTION = 15
"""Difference of the outer indices up to which a part is inserted: 16 values."""


def argsort(values: Sequence[float]) -> list[int]:
    """Indices that sort the values ascending, equal ones in the order numpy 1.23 leaves them."""
    order = list(range(len(values)))
    pending = [(0, len(order) - 1)]
    while pending:
        low, high = pending.pop()
        while high - low > _INSERTION:
            middle = _partition(values, order, low, high)
            if middle - low < high - middle:
                pending.append((middle + 1, high))
                high = middle - 1
            else:
                pending.append((low, middle - 1))
                low = middle + 1
        # Python's sort is stable, and so is inserting.
        order[low : high + 1] = sorted(order[low : high + 1], key=values.__getitem__)
    return order


def _partition(values: Sequence[float], order: list[int], low: int, high: int) -> int:
    """Split around the median of the first, middle and last value; where that value ends up."""

    def less(i: int, j: int) -> bool:
        return values[order[i]] < values[order[j]]

    def swap(i: int, j: int) -> None:
        order[i], order[j] = order[j], order[i]

    middle = low + (high - low) // 2
    for i, j in ((middle, low), (high, middle), (middle, low)):
        if less(i, j):
            swap(i, j)
    pivot = values[order[middle]]
    swap(middle, high - 1)
    i, j = low, high - 1
    while True:
        i += 1
        while values[order[i]] < pivot:
            i += 1
        j -= 1
        while pivot < values[order[j]]:
            j -= 1
        if i >= j:
            break
        swap(i, j)
    swap(i, high - 1)
    return i
