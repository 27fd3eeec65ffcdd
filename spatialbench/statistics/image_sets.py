"""How far two sets of images lie apart, from their features: FID, KID, CMMD.

Sources: Heusel et al. 2017 and mseitzer/pytorch-fid @ 1232cd6 (FID); Binkowski et al. 2018 (KID);
Jayasumana et al. 2024 and ``cmmd/distance.py`` of google-research @ 4c42994 (CMMD).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Features = npt.NDArray[np.float64]
"""Shape (images, width)."""

KID_SUBSETS = 100
KID_SUBSET_SIZE = 1000

CMMD_SIGMA = 10.0
CMMD_SCALE = 1000.0

_ROWS = 2048
"""Rows of a kernel matrix that are held at once."""


def moments(features: Features) -> tuple[Features, Features]:
    """Mean (width,) and unbiased covariance (width, width) of a set's features."""
    return features.mean(axis=0), np.atleast_2d(np.cov(features, rowvar=False))


def frechet_distance(first: tuple[Features, Features], second: tuple[Features, Features]) -> float:
    """Squared Frechet distance of two normal distributions, given as mean and covariance.

    The trace of the root of the covariances' product is the sum of the singular values of the
    product of their roots, which stays real and stable for covariances without full rank.
    """
    (mean_a, cov_a), (mean_b, cov_b) = first, second
    product = _root(cov_a) @ _root(cov_b)
    shared = float(np.linalg.svd(product, compute_uv=False).sum())
    apart = float(((mean_a - mean_b) ** 2).sum())
    return apart + float(np.trace(cov_a) + np.trace(cov_b)) - 2 * shared


def kid(
    first: Features,
    second: Features,
    subsets: int = KID_SUBSETS,
    size: int = KID_SUBSET_SIZE,
    seed: int = 0,
) -> tuple[float, float]:
    """Kernel inception distance: mean and standard deviation over seeded subsets.

    The kernel is ``(x . y / width + 1) ** 3``, the estimate of each subset is unbiased and can be
    below 0. Of a set with fewer than ``size`` images all are taken.
    """
    generator = np.random.default_rng(seed)
    size = min(size, len(first), len(second))
    found = [
        _unbiased(
            first[generator.choice(len(first), size, replace=False)],
            second[generator.choice(len(second), size, replace=False)],
        )
        for _ in range(subsets)
    ]
    return float(np.mean(found)), float(np.std(found))


def cmmd(first: Features, second: Features) -> float:
    """1,000 times the biased MMD of unit features with a Gaussian kernel of bandwidth 10."""

    def mean_kernel(a: Features, b: Features) -> float:
        squares = (b**2).sum(axis=1)
        total = 0.0
        for start in range(0, len(a), _ROWS):
            part = a[start : start + _ROWS]
            distance = (part**2).sum(axis=1)[:, None] + squares[None] - 2 * part @ b.T
            total += float(np.exp(-distance / (2 * CMMD_SIGMA**2)).sum())
        return total / (len(a) * len(b))

    within = mean_kernel(first, first) + mean_kernel(second, second)
    return CMMD_SCALE * (within - 2 * mean_kernel(first, second))


def _root(covariance: Features) -> Features:
    values, vectors = np.linalg.eigh(covariance)
    root: Features = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    return root


def _unbiased(x: Features, y: Features) -> float:
    width, size = x.shape[1], len(x)

    def kernel(a: Features, b: Features) -> Features:
        value: Features = (a @ b.T / width + 1) ** 3
        return value

    own = sum(float(k.sum() - np.trace(k)) for k in (kernel(x, x), kernel(y, y)))
    return own / (size * (size - 1)) - 2 * float(kernel(x, y).mean())
