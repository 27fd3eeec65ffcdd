"""Looking several times at one test: how small p must be at each look, so that the level is kept.

Group-sequential tests after Lan and DeMets ("Discrete sequential boundaries for clinical trials",
Biometrika 70, 1983): a function says how much of the level may be spent by the time a share of the
images is there, and the boundary of each look follows from what is left. The function is theirs of
O'Brien and Fleming's shape: almost nothing early, almost the whole level at the last look, so that
the last look finds nearly as much as a test that is made only once. Pocock's shape is there to
measure against; see ``results/statistics``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from math import e, log, sqrt
from statistics import NormalDist
from typing import Literal

import numpy as np

LOOKS = 5
"""Looks of a plan."""

Shape = Literal["obrien-fleming", "pocock"]
_NODES = 240
_FAR = 9.0
"""Standard deviations beyond which a boundary is not looked for: nothing is spent there."""


def look_sizes(whole: int, looks: int = LOOKS) -> list[int]:
    """How many of ``whole`` prompts each look has: equal steps, rounded up, the last one all.

    Fewer looks where there are fewer prompts.
    """
    sizes = (-(-whole * number // looks) for number in range(1, looks + 1))
    return list(dict.fromkeys(sizes))


def spent(share: float, alpha: float, shape: Shape = "obrien-fleming") -> float:
    """How much of ``alpha``, of one side, is spent when ``share`` of the images is there."""
    if shape == "pocock":
        return alpha * log(1 + (e - 1) * share)
    normal = NormalDist()
    return 2 * normal.cdf(normal.inv_cdf(alpha / 2) / sqrt(share))


def boundaries(
    shares: Sequence[float], alpha: float = 0.05, shape: Shape = "obrien-fleming"
) -> list[float]:
    """Standard normal boundaries of a two-sided test, one per look.

    Args:
        shares: of the images at each look, rising, the last one 1.
        alpha: chance of crossing at any look where there is no difference; half of it per side.

    Raises:
        ValueError: shares that do not rise from above 0 to 1, or an alpha outside (0, 1).
    """
    return list(_boundaries(tuple(shares), alpha, shape))


@lru_cache(maxsize=64)
def _boundaries(shares: tuple[float, ...], alpha: float, shape: Shape) -> list[float]:
    _check(shares, alpha)
    found: list[float] = []
    passed = 0.0
    walk = _Walk()
    for share in shares:
        aim = spent(share, alpha / 2, shape)
        z = walk.boundary(share, aim - passed)
        passed += walk.crossing(share, z)
        found.append(z)
        walk.go_on(share, z)
    return found


def crossing_chance(shares: Sequence[float], bounds: Sequence[float]) -> float:
    """How likely a test without a difference crosses one of these two-sided boundaries."""
    _check(shares, 0.5)
    walk, chance = _Walk(), 0.0
    for share, z in zip(shares, bounds, strict=True):
        chance += 2 * walk.crossing(share, z)
        walk.go_on(share, z)
    return chance


def price_of_looks(
    shares: Sequence[float], power: float = 0.8, alpha: float = 0.05
) -> tuple[float, float]:
    """What looking early costs and saves, against the test that looks once with as much power.

    Returns:
        Images of the plan, and images that it needs on average where the difference is there, both
        as multiples of those of the ordinary test.
    """
    from scipy.optimize import brentq

    bounds = boundaries(shares, alpha)
    normal = NormalDist()
    once = normal.inv_cdf(1 - alpha / 2) + normal.inv_cdf(power)
    drift = float(brentq(lambda d: sum(_stops(shares, bounds, d)) - power, once, 2 * once))
    chances = _stops(shares, bounds, drift)
    used = sum(c * s for c, s in zip(chances, shares, strict=True)) + 1 - sum(chances)
    most = (drift / once) ** 2
    return most, most * used


def _stops(shares: Sequence[float], bounds: Sequence[float], drift: float) -> list[float]:
    """Chance of crossing upwards at each look, where z has this mean at the last one."""
    walk, chances = _Walk(drift), []
    for share, z in zip(shares, bounds, strict=True):
        chances.append(walk.crossing(share, z))
        walk.go_on(share, z)
    return chances


def levels(
    shares: Sequence[float], alpha: float = 0.05, shape: Shape = "obrien-fleming"
) -> list[float]:
    """The same boundaries as two-sided p-values: p at or below that of a look stops the test."""
    return [2 * NormalDist().cdf(-z) for z in boundaries(shares, alpha, shape)]


def _check(shares: Sequence[float], alpha: float) -> None:
    steps = [0.0, *shares]
    rising = all(a < b for a, b in pairwise(steps))
    if not (shares and rising and shares[-1] == 1 and 0 < alpha < 1):
        raise ValueError(f"no plan: shares {list(shares)} with alpha {alpha}")


class _Walk:
    """A Brownian motion that has stayed between the boundaries so far.

    Its density at the last look by Gauss-Legendre nodes (Armitage, McPherson and Rowe 1969).
    """

    def __init__(self, drift: float = 0.0) -> None:
        self._drift = drift
        self._share = 0.0
        self._at = np.zeros(1)
        self._weight = np.ones(1)

    def crossing(self, share: float, z: float) -> float:
        """Chance of being above ``z`` at the next look, and so of being below ``-z``."""
        from scipy.special import ndtr

        step = sqrt(share - self._share)
        far = self._at + self._drift * step**2 - z * sqrt(share)
        return float(self._weight @ ndtr(far / step))

    def boundary(self, share: float, chance: float) -> float:
        """The z that is crossed upwards with this chance."""
        from scipy.optimize import brentq

        if self.crossing(share, _FAR) >= chance:
            return _FAR
        return float(brentq(lambda z: self.crossing(share, z) - chance, 0.0, _FAR, xtol=1e-9))

    def go_on(self, share: float, z: float) -> None:
        """Take the next look, at which nothing was crossed."""
        nodes, weights = np.polynomial.legendre.leggauss(_NODES)
        reach, step = z * sqrt(share), sqrt(share - self._share)
        at = nodes * reach
        far = (at[:, None] - self._at[None, :] - self._drift * step**2) / step
        density = np.exp(-0.5 * far**2) @ self._weight / (step * sqrt(2 * np.pi))
        self._share, self._at, self._weight = share, at, density * weights * reach
