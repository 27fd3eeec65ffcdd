"""What a denoiser is shown in training, and what it has to answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from torch import Tensor

PURE_NOISE_FROM = 900
"""First timestep (of 1,000) at which a sample may be shown pure noise."""
FLOW = "flow"
"""What FLUX answers: from image to noise, e - x0, along a straight line."""
PREDICTIONS = ("epsilon", "v_prediction", FLOW)


def draw_timesteps(
    rng: np.random.Generator, size: int, pure_share: float, last: int = 1000
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Timesteps (size,) in 0 .. last-1, and which samples are shown the noise alone.

    Those have late timesteps, where sampling starts. Stable Diffusion's noise schedule leaves a
    little of the image at its last step; a model that only ever sees that reads the layout from
    what is left of it, and never from the caption, so that no relation can be learned.
    """
    pure = rng.random(size) < pure_share
    late = rng.integers(last * PURE_NOISE_FROM // 1000, last, size)
    return np.where(pure, late, rng.integers(0, last, size)), pure


def shown_and_target(
    latents: Tensor,
    noise: Tensor,
    timesteps: Tensor,
    pure: Tensor,
    signal: Tensor,
    prediction: str,
) -> tuple[Tensor, Tensor]:
    """What the model is shown and the answer from which the scheduler gets the latents back.

    Args:
        latents: scaled latents x0, (n, c, h, w).
        noise: of the same shape.
        timesteps: (n,) int64.
        pure: (n,) bool: shown the noise alone.
        signal: the scheduler's ``alphas_cumprod``, a squared at every timestep; b^2 = 1 - a^2. For
            the flow a itself, and b = 1 - a.
        prediction: one of ``PREDICTIONS``: the noise, x0 = (x - b e) / a, or the velocity,
            x0 = a x - b v. For a sample of pure noise both follow from these equations. For the
            flow, pure noise is where its schedule begins, and a is 0 there.
    """
    shape = (-1, *[1] * (latents.ndim - 1))
    if prediction == FLOW:
        share = (1 - signal[timesteps]).where(~pure, signal.new_ones(())).view(shape)
        return (1 - share) * latents + share * noise, noise - latents
    a, b = (x[timesteps].view(shape) for x in (signal.sqrt(), (1 - signal).sqrt()))
    shown = noise.where(pure.view(shape), a * latents + b * noise)
    if prediction == "epsilon":
        return shown, (shown - a * latents) / b
    return shown, (a * shown - latents) / b
