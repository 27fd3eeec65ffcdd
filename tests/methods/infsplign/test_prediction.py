"""A shift of the noise, carried over to other kinds of model."""

from __future__ import annotations

import math
from typing import Any

import pytest

from spatialbench.errors import UserError
from spatialbench.methods.infsplign.prediction import LEAST_SIGNAL, shift_factors


def scheduler(name: str, steps: int = 8, **options: Any) -> Any:
    import diffusers

    made = getattr(diffusers, name)(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", **options
    )
    made.set_timesteps(steps)
    return made


def test_epsilon_takes_it_as_it_is() -> None:
    assert shift_factors(scheduler("DDIMScheduler")) == [1.0] * 8


@pytest.mark.parametrize("name", ["DDIMScheduler", "EulerDiscreteScheduler"])
def test_velocity_and_noise_describe_one_model(name: str) -> None:
    made = scheduler(name, prediction_type="v_prediction", timestep_spacing="leading")
    wanted = [float(made.alphas_cumprod[int(t)]) ** -0.5 for t in made.timesteps]
    assert shift_factors(made) == pytest.approx(wanted, rel=1e-4)


def test_a_predicted_image_moves_the_other_way() -> None:
    made = scheduler("DDIMScheduler", prediction_type="sample")
    levels = [float(made.alphas_cumprod[int(t)]) for t in made.timesteps]
    wanted = [-math.sqrt((1 - a) / a) for a in levels]
    assert shift_factors(made) == pytest.approx(wanted, rel=1e-4)


def test_pure_noise_is_bounded_and_stable_diffusion_is_not_touched() -> None:
    pure = scheduler(
        "DDIMScheduler",
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
    )
    assert shift_factors(pure)[0] == 1 / LEAST_SIGNAL
    stable = scheduler("DDIMScheduler", timestep_spacing="trailing")
    assert float(stable.alphas_cumprod[999]) ** 0.5 > LEAST_SIGNAL


def test_an_unknown_prediction_is_refused() -> None:
    made = scheduler("DDIMScheduler")
    made.register_to_config(prediction_type="flow_prediction")
    with pytest.raises(UserError, match="predicts 'flow_prediction'"):
        shift_factors(made)
