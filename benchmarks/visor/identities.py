"""Two identities between VISOR's numbers, for our own output and for anyone's figures.

VISOR_uncond is OA times VISOR_cond, and, with four images per prompt, the mean of VISOR_1 to
VISOR_4: each right image counts once in each. Where cells are missing, an order follows from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

_LEVELS = ("VISOR_1", "VISOR_2", "VISOR_3", "VISOR_4")


def violations(metrics: Mapping[str, float], rounding: float, whole: bool) -> list[str]:
    """A sentence for each identity that the numbers break; missing or NaN cells say nothing.

    Args:
        metrics: in percent.
        rounding: the most by which a cell may be off: half a unit of its last decimal.
        whole: whether every prompt has four images; what is said of VISOR_1 to VISOR_4 holds only
            then.
    """
    found = []
    uncond = metrics.get("VISOR_uncond")
    oa, cond = metrics.get("OA"), metrics.get("VISOR_cond")
    if uncond is not None and oa is not None and cond is not None:
        slack = rounding * (1 + (oa + cond) / 100) + 1e-9
        if abs(oa * cond / 100 - uncond) > slack:
            found.append(f"OA x VISOR_cond gives {oa * cond / 100:.2f}, not {uncond:g}")
    levels = [metrics[key] for key in _LEVELS if key in metrics]
    if whole and uncond is not None and len(levels) == len(_LEVELS):
        mean = sum(levels) / len(levels)
        if abs(mean - uncond) > 2 * rounding + 1e-9:
            found.append(f"the mean of VISOR_1 to VISOR_4 is {mean:.2f}, not {uncond:g}")
    order = [("VISOR_uncond", "OA"), ("VISOR_uncond", "VISOR_cond")]
    if whole:
        present = [key for key in _LEVELS if key in metrics]
        order += [(higher, lower) for lower, higher in pairwise(present)]
        order += [("VISOR_uncond", "VISOR_1"), ("VISOR_4", "VISOR_uncond")]
    for small, large in order:
        if small in metrics and large in metrics:
            less, more = metrics[small], metrics[large]
            if less > more + 2 * rounding + 1e-9:
                found.append(f"{small} is {less:g}, and it cannot be above {large}, {more:g}")
    return found
