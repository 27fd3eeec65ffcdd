"""What a number of images can show: interval widths, smallest differences, prompts needed.

Normal approximations for planning; what a finished run can say comes from its bootstrap. Images
of one prompt are alike: with correlation r between them, k images per prompt are worth
``k / (1 + (k - 1) r)`` independent ones (Kish, Survey Sampling, 1965).
"""

from __future__ import annotations

from math import ceil, sqrt
from statistics import NormalDist

from ..errors import UserError


def kish(images: float, correlation: float) -> float:
    """Design effect of ``images`` images per prompt with an intra-prompt correlation in [0, 1]."""
    return 1 + (images - 1) * correlation


def standard_error(rate: float, prompts: int, images: int, correlation: float) -> float:
    """Standard error of a share, as a share.

    Raises:
        UserError: a rate or correlation outside [0, 1], or a count below 1.
    """
    if not 0 <= rate <= 1:
        raise UserError(f"a rate must be between 0 and 100 %, as in --rate 50; not {100 * rate:g}.")
    if not 0 <= correlation <= 1:
        raise UserError(f"a correlation must be between 0 and 1 here; not {correlation:g}.")
    if prompts < 1 or images < 1:
        raise UserError(f"{prompts} prompts with {images} images: expected at least one of each.")
    return sqrt(rate * (1 - rate) * kish(images, correlation) / (prompts * images))


def half_width(error: float, confidence: float = 0.95) -> float:
    """Half the width of the interval of something with this standard error, in its unit."""
    return _z(0.5 + confidence / 2) * error


def paired_error(error: float, between: float) -> float:
    """Standard error of the difference of two runs, each with ``error``.

    ``between`` is the correlation of their prompts' results: 0 for runs on different prompts;
    common prompts and seeds make it positive and the difference sharper.
    """
    return error * sqrt(2 * (1 - between))


def smallest_difference(error: float, power: float = 0.8, confidence: float = 0.95) -> float:
    """The true difference that is found significant with probability ``power``.

    Args:
        error: standard error of the difference; the answer has its unit.
    """
    return (_z(0.5 + confidence / 2) + _z(power)) * error


def prompts_needed(
    difference: float,
    rate: float,
    images: int,
    correlation: float,
    between: float,
    power: float = 0.8,
    confidence: float = 0.95,
) -> int:
    """Prompts a run needs so that a true difference (a share) is found with ``power``.

    Raises:
        UserError: a difference that is not above 0.
    """
    if not difference > 0:
        raise UserError(f"a difference of {100 * difference:g} cannot be found: give one above 0.")
    error = paired_error(standard_error(rate, 1, images, correlation), between)
    return max(1, ceil((smallest_difference(error, power, confidence) / difference) ** 2))


def _z(probability: float) -> float:
    if not 0 < probability < 1:
        raise UserError("confidence and power lie between 0 and 1, for example 0.95 and 0.8.")
    return NormalDist().inv_cdf(probability)
