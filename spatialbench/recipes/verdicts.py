"""Does a measured value agree with a published one, and does a claim about two rows hold?

**Values.** The difference is measured minus published. Its 95 % interval combines three things: the
interval of the measured value, that of the published one, and the rounding of what is printed
(half a unit of the last digit on both sides). Two independent intervals combine as in Zou and
Donner (Statistics in Medicine 27, 2008): each end is the root of the sum of squares of the two
distances. Papers seldom give an interval. The published value was measured on prompts as well, so
it is then taken to be as uncertain as the measured one would be on the paper's number of prompts:
the measured half-widths times the root of (prompts here / prompts there).

*agrees*: the whole interval lies within the margin, 3 percentage points unless the recipe or
``--margin`` says otherwise. That is a test of equivalence, not the absence of a difference: few
images never agree with anything. *differs*: it does not, and the interval excludes 0. *cannot tell*
at this size: everything else, because the interval is too wide to decide.

A row made with another model than the paper's has no verdict on values.

**Claims.** The difference of two rows is taken on the images that both have, paired by prompt (and
by seed, where the seeds are the same), with the interval of ``compare``. *holds*: the interval lies
on the claimed side of 0. *contradicted*: on the other side. *cannot tell*: it holds 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot, isnan, nan, sqrt
from typing import Literal

from .measured import Number
from .values import Value

Verdict = Literal["agrees", "differs", "cannot tell"]
ClaimVerdict = Literal["holds", "contradicted", "cannot tell"]


@dataclass(frozen=True, slots=True)
class Compared:
    """A measured value held to a published one, in percentage points.

    Attributes:
        difference: measured minus published.
        low: lower end of its 95 % interval, rounding included; NaN where there is none.
        high: upper end.
        verdict: see the module.
    """

    difference: float
    low: float
    high: float
    verdict: Verdict


def compared(
    measured: Number, published: Value, rounding: float, ratio: float, margin: float
) -> Compared | None:
    """Hold a measured value to a published one; None where it is undefined.

    Args:
        measured: in percent.
        published: in percent.
        rounding: half a unit of its last printed digit, in percentage points.
        ratio: prompts that it was measured on here, over the paper's.
        margin: percentage points within which the two count as the same.
    """
    if isnan(measured.value):
        return None
    difference = measured.value - published.value
    if isnan(measured.low) or isnan(measured.high):
        return Compared(difference, nan, nan, "cannot tell")
    down = max(measured.value - measured.low, 0.0)
    up = max(measured.high - measured.value, 0.0)
    if published.low is None or published.high is None:
        other_up, other_down = up * sqrt(ratio), down * sqrt(ratio)
    else:
        other_up, other_down = published.high - published.value, published.value - published.low
    low = difference - hypot(down, other_up) - rounding
    high = difference + hypot(up, other_down) + rounding
    if -margin <= low and high <= margin:
        return Compared(difference, low, high, "agrees")
    excluded = low > 0 or high < 0
    return Compared(difference, low, high, "differs" if excluded else "cannot tell")


def claim_verdict(low: float, high: float, larger_is_better: bool) -> ClaimVerdict:
    """What the interval of better minus worse says of a claim; NaN ends say nothing."""
    if not larger_is_better:
        low, high = -high, -low
    return "holds" if low > 0 else "contradicted" if high < 0 else "cannot tell"
