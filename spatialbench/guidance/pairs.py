"""The guided pairs of objects of a batch: a sample has one for each relation that is guided."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor


class Pairs:
    """How many pairs each sample of a batch has, and where their maps are.

    A sample's maps are subject, object of its first pair, subject, object of its second one, and so
    on. Where every sample has one pair nothing is moved or added.

    Args:
        counts: pairs of each sample, at least 1.
    """

    def __init__(self, counts: Sequence[int], device: torch.device) -> None:
        import torch

        self.counts = tuple(counts)
        self.several = any(count > 1 for count in self.counts)
        places = [(row, slot) for row, count in enumerate(self.counts) for slot in range(count)]
        where = torch.tensor(places if self.several else [], dtype=torch.long, device=device)
        self._rows, self._slots = where.view(-1, 2).unbind(1)

    def of(self, maps: Tensor) -> Tensor:
        """(pairs, 2, ...) from (batch, objects, ...); the samples' pairs follow each other."""
        if not self.several:
            return maps[:, :2]
        by_pair = maps.reshape(len(maps), -1, 2, *maps.shape[2:])
        return by_pair[self._rows, self._slots]

    def mean(self, values: Tensor) -> Tensor:
        """(batch,) from (pairs,): the mean of each sample's own."""
        if not self.several:
            return values
        counts = values.new_tensor(self.counts)
        return self.by_sample(values, 0.0).sum(1) / counts

    def by_sample(self, values: Tensor, fill: float) -> Tensor:
        """(batch, most pairs) from (pairs,), ``fill`` where a sample has fewer."""
        if not self.several:
            return values.unsqueeze(1)
        table = values.new_full((len(self.counts), max(self.counts)), fill)
        return table.index_put((self._rows, self._slots), values)
