"""McNemar's exact test: did one run get more of the same images right?"""

from __future__ import annotations

from math import exp, fsum, lgamma, log


def mcnemar_p(only_first: int, only_second: int) -> float:
    """Exact two-sided p-value, for pairs of images that are independent of each other.

    Images of one prompt are not quite independent; ``paired_difference`` allows for that.

    Args:
        only_first: images right in the first run and wrong in the second.
        only_second: the other way round.

    Returns:
        Twice the smaller binomial tail of the discordant pairs, 1.0 at most.

    Raises:
        ValueError: a negative count.
    """
    if only_first < 0 or only_second < 0:
        raise ValueError("counts of discordant pairs cannot be negative")
    n = only_first + only_second
    whole = lgamma(n + 1) - n * log(2)
    tail = fsum(
        exp(whole - lgamma(k + 1) - lgamma(n - k + 1))
        for k in range(min(only_first, only_second) + 1)
    )
    return min(1.0, 2 * tail)
