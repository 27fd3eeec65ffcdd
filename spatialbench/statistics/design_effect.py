"""How much less a clustered sample says than as many independent images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan, sqrt

import numpy as np

from .ratios import Ratio
from .resampling import cluster_sums


@dataclass(frozen=True, slots=True)
class DesignEffect:
    """The spread of a share under clustering, compared with independent trials.

    Attributes:
        value: variance under clustering over variance of independent trials; 1 means that
            clusters carry no extra correlation. NaN where the share is 0, 1 or undefined.
        standard_error: of the share (not in percent), with clustering.
        trials: the denominator, usually images.
    """

    value: float
    standard_error: float
    trials: float


def design_effect(ratio: Ratio, clusters: Sequence[str]) -> DesignEffect:
    """Kish's design effect of a share whose denominators count trials.

    The clustered variance is the linearised one of a ratio (Cochran, Sampling Techniques, 3rd
    edition, section 11.2, clusters drawn with replacement).

    Args:
        ratio: hits over trials by prompt, each trial between 0 and 1.
        clusters: a cluster name per prompt.
    """
    sums = cluster_sums(np.stack([ratio.numerator, ratio.denominator], axis=1), clusters)
    hits, trials = sums[:, 0], sums[:, 1]
    total, count = float(trials.sum()), len(sums)
    if total == 0 or count < 2:
        return DesignEffect(nan, nan, total)
    share = float(hits.sum()) / total
    residual = hits - share * trials
    variance = count / (count - 1) * float(residual @ residual) / total**2
    independent = share * (1 - share) / total
    if independent <= 0:
        return DesignEffect(nan, sqrt(variance), total)
    return DesignEffect(variance / independent, sqrt(variance), total)
