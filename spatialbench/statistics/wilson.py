"""Wilson's score interval for a share of independent trials."""

from __future__ import annotations

from math import nan, sqrt
from statistics import NormalDist

from ..errors import UserError


def wilson_interval(
    successes: float, trials: float, confidence: float = 0.95
) -> tuple[float, float]:
    """Wilson's interval (1927), without continuity correction, as shares in [0, 1].

    ``trials`` may be an effective sample size and need not be whole. Without trials the interval
    is (NaN, NaN).

    Raises:
        UserError: successes outside [0, trials], or a confidence outside (0, 1).
    """
    if not 0 < confidence < 1:
        raise UserError(f"confidence must be between 0 and 1, such as 0.95; not {confidence}.")
    if not 0 <= successes <= trials:
        raise UserError(
            f"{successes:g} successes in {trials:g} trials; expected a count from 0 to the trials."
        )
    if trials == 0:
        return nan, nan
    z2 = NormalDist().inv_cdf(0.5 + confidence / 2) ** 2
    share = successes / trials
    middle = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = sqrt(z2 * (share * (1 - share) / trials + z2 / (4 * trials**2))) / (1 + z2 / trials)
    low = 0.0 if successes == 0 else max(0.0, middle - half)
    high = 1.0 if successes == trials else min(1.0, middle + half)
    return low, high
