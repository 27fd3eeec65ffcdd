"""Seeded resampling of clusters: which cluster is drawn how often in each resample."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ..errors import UserError
from .ratios import FloatArray

Counts = npt.NDArray[np.uint16]

_CHUNK = 2_000_000
"""Weights held at once as doubles: 16 MB."""
_KEEP = 16_000_000
"""Largest weight matrix worth keeping for the next call: 32 MB."""


def check_settings(resamples: int, confidence: float) -> None:
    """Raises UserError for settings that mean nothing."""
    if resamples < 1:
        raise UserError(f"resamples is {resamples}; expected 1 or more, for example 2000.")
    if not 0 < confidence < 1:
        raise UserError(f"confidence must be between 0 and 1, such as 0.95; not {confidence}.")


def cluster_sums(columns: FloatArray, clusters: Sequence[str]) -> FloatArray:
    """Sum rows by cluster, dropping clusters that contribute nothing to any column.

    Args:
        columns: float64 of shape (prompts, k).
        clusters: a cluster name per prompt.

    Returns:
        float64 of shape (clusters, k), ordered by cluster name, so that the order of the prompts
        does not matter.
    """
    if len(clusters) != len(columns):
        raise ValueError(f"{len(clusters)} cluster names for {len(columns)} prompts")
    row, size = _numbered(tuple(clusters))
    sums = np.zeros((size, columns.shape[1]))
    for k, column in enumerate(columns.T):
        sums[:, k] = np.bincount(row, column, size)
    used: FloatArray = sums[(sums != 0).any(axis=1)]
    return used


@lru_cache(maxsize=4)
def _numbered(clusters: tuple[str, ...]) -> tuple[npt.NDArray[np.int64], int]:
    """Positions of the names in sorted order, and how many there are."""
    position = {name: i for i, name in enumerate(sorted(set(clusters)))}
    return np.fromiter((position[name] for name in clusters), np.int64, len(clusters)), len(
        position
    )


def resampled_sums(sums: FloatArray, resamples: int, seed: int) -> FloatArray:
    """Column totals of each resample: as many clusters as there are, drawn with replacement.

    Args:
        sums: float64 of shape (clusters, k).

    Returns:
        float64 of shape (resamples, k). The same seed and number of clusters give the same draws
        whatever the columns are.
    """
    size = len(sums)
    parts = [part @ sums for part in _weights(size, resamples, seed)]
    return np.concatenate(parts) if parts else np.zeros((0, sums.shape[1]))


def _weights(size: int, resamples: int, seed: int) -> Iterator[FloatArray]:
    step = max(1, _CHUNK // size)
    if size * resamples <= _KEEP:
        kept = _kept_counts(size, resamples, seed)
        for start in range(0, resamples, step):
            yield kept[start : start + step].astype(np.float64)
        return
    for counts in _counts(size, resamples, seed, step):
        yield counts.astype(np.float64)


@lru_cache(maxsize=2)
def _kept_counts(size: int, resamples: int, seed: int) -> Counts:
    """A summary asks for the same draws again for each of its groups."""
    counts = np.concatenate(list(_counts(size, resamples, seed, max(1, _CHUNK // size))))
    counts.flags.writeable = False
    return counts


def _counts(size: int, resamples: int, seed: int, step: int) -> Iterator[Counts]:
    """Multinomial counts, by counting uniform draws: exact and faster than binomial sampling."""
    generator = np.random.default_rng(seed)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        draws = generator.integers(0, size, (rows, size), dtype=np.int64)
        draws += np.arange(rows)[:, None] * size
        counts = np.bincount(draws.ravel(), minlength=rows * size)
        yield counts.reshape(rows, size).astype(np.uint16)
