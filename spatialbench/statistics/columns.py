"""Numerators and denominators of several metrics as the columns of one array."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .ratios import FloatArray, MeanOfRatios


class RatioColumns:
    """Metrics laid out so that totals of all of them come from one matrix product.

    Attributes:
        columns: float64 of shape (prompts, k).
    """

    def __init__(self, metrics: Sequence[MeanOfRatios], share: bool = True) -> None:
        """Lay out metrics over the same prompts.

        Args:
            share: give equal arrays one column. Without it two lists of metrics with as many
                parts each have matching columns.

        Raises:
            ValueError: a number that is not finite.
        """
        self._metrics = metrics
        self._seen: dict[bytes, int] | None = {} if share else None
        arrays: list[FloatArray] = []
        self._parts = [
            [(self._add(arrays, r.numerator), self._add(arrays, r.denominator)) for r in m.parts]
            for m in metrics
        ]
        # Column by column in memory, as they are read.
        self.columns: FloatArray = np.array(arrays).T if arrays else np.zeros((0, 0))

    def _add(self, arrays: list[FloatArray], array: FloatArray) -> int:
        values = np.asarray(array, dtype=np.float64)
        if not np.isfinite(values).all():
            raise ValueError("a metric's numerator or denominator is not finite")
        if self._seen is not None:
            place = self._seen.setdefault(values.tobytes(), len(arrays))
            if place < len(arrays):
                return place
        arrays.append(values)
        return len(arrays) - 1

    def values(self, totals: FloatArray) -> FloatArray:
        """Metrics from column totals of shape (n, k): shape (n, metrics), NaN for x / 0."""
        out = np.empty((len(totals), len(self._metrics)))
        with np.errstate(divide="ignore", invalid="ignore"):
            for i, (metric, parts) in enumerate(zip(self._metrics, self._parts, strict=True)):
                ratios = [
                    np.where(totals[:, d] == 0, np.nan, totals[:, n] / totals[:, d])
                    for n, d in parts
                ]
                out[:, i] = metric.scale * np.mean(ratios, axis=0)
        return out

    def informed(self, sums: FloatArray, metric: int) -> int:
        """How many rows of cluster sums have a denominator above 0 for a metric."""
        return int((sums[:, [d for _, d in self._parts[metric]]] != 0).any(axis=1).sum())
