"""How a change of the predicted noise looks in what a model of another kind predicts."""

from __future__ import annotations

import math
from typing import Any

from ...errors import UserError

LEAST_SIGNAL = 0.06
"""Floor of sqrt(alpha-bar) in the conversion.

Just below Stable Diffusion's noisiest step (0.068). A schedule that ends in pure noise has 0 there:
no change of the noise changes the image, and the conversion would divide by it.
"""


def shift_factors(scheduler: Any) -> list[float]:
    """For each model evaluation of a run, the factor from a noise shift to an output shift.

    With z = a x + s n (a^2 + s^2 = 1) and z fixed, adding d to the noise n adds d to an ``epsilon``
    output, d / a to a ``v_prediction`` (v = a n - s x) and -(s / a) d to a ``sample`` (x).

    Args:
        scheduler: a diffusers scheduler whose timesteps are set.

    Raises:
        UserError: a model that predicts something else, or a scheduler whose noise levels are
            unknown.
    """
    kind = scheduler.config.get("prediction_type", "epsilon")
    if kind == "epsilon":
        return [1.0] * len(scheduler.timesteps)
    if kind not in ("v_prediction", "sample"):
        raise UserError(
            f"infsplign adds its gradient to predicted noise, and this backbone predicts {kind!r}; "
            "choose a backbone that predicts epsilon, v_prediction or sample."
        )
    signals = [max(a, LEAST_SIGNAL) for a in _signals(scheduler)]
    if kind == "v_prediction":
        return [1 / a for a in signals]
    return [-math.sqrt(1 - a * a) / a for a in signals]


def _signals(scheduler: Any) -> list[float]:
    """sqrt(alpha-bar) at each model evaluation."""
    calls = len(scheduler.timesteps)
    sigmas = getattr(scheduler, "sigmas", None)
    if sigmas is not None and len(sigmas) == calls + 1:
        return [1 / math.sqrt(1 + float(s) ** 2) for s in sigmas[:calls]]
    levels = getattr(scheduler, "alphas_cumprod", None)
    steps = scheduler.timesteps.tolist()
    if levels is None or any(t != int(t) for t in steps):
        raise UserError(
            f"infsplign cannot tell the noise levels of {type(scheduler).__name__}, which it needs "
            "for a backbone that does not predict epsilon; give --scheduler ddim."
        )
    return [math.sqrt(float(levels[int(t)])) for t in steps]
