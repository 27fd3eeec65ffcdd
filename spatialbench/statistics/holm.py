"""Holm's correction: several comparisons at once, one error rate."""

from __future__ import annotations

from collections.abc import Mapping
from math import isnan


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Adjusted p-values (Holm 1979), in the order given.

    Rejecting those at or below 0.05 keeps the chance of any false rejection at 5 %, whatever the
    dependence between the tests. NaN is no test: it stays NaN and is not counted.

    Raises:
        ValueError: a p-value outside [0, 1].
    """
    tests = {name: p for name, p in p_values.items() if not isnan(p)}
    if any(not 0 <= p <= 1 for p in tests.values()):
        raise ValueError("p-values lie between 0 and 1")
    adjusted = dict(p_values)
    highest = 0.0
    for rank, name in enumerate(sorted(tests, key=tests.__getitem__)):
        highest = max(highest, min(1.0, (len(tests) - rank) * tests[name]))
        adjusted[name] = highest
    return adjusted
