"""Samplers by name keep the checkpoint's noise schedule and change only what the name says."""

from __future__ import annotations

from typing import Any

import pytest

from spatialbench.backbones.schedulers import SCHEDULERS, build, choose
from spatialbench.errors import UserError


def pndm(**options: Any) -> Any:
    """Stable Diffusion 1.4's scheduler."""
    from diffusers import PNDMScheduler

    return PNDMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        skip_prk_steps=True,
        steps_offset=1,
        **options,
    )


@pytest.mark.parametrize("name", sorted(SCHEDULERS))
def test_noise_schedule_and_prediction_are_the_checkpoints(name: str) -> None:
    import torch

    own = pndm(prediction_type="v_prediction")
    scheduler = build(choose(name), own, 7)
    torch.testing.assert_close(scheduler.alphas_cumprod, own.alphas_cumprod, rtol=0, atol=0)
    assert scheduler.config.prediction_type == "v_prediction"
    assert not scheduler.config.get("clip_sample")
    assert (scheduler is own) == (name == "own")


def test_trailing_steps_are_those_of_the_reference() -> None:
    """50 steps 999, 979, ..., 19 and 500 steps 999, 997, ..., 1, as InfSplign samples."""
    fifty = build(choose("ddpm-trailing"), pndm(), 50)
    assert fifty.timesteps.tolist() == list(range(999, 0, -20))
    assert build(choose("ddpm-trailing"), pndm(), 500).timesteps.tolist() == list(range(999, 0, -2))
    leading = build(choose("ddpm"), pndm(), 50)
    assert leading.timesteps.tolist() == list(range(981, 0, -20))


def test_an_explicit_clip_stays_and_a_silent_one_goes() -> None:
    from diffusers import DDPMScheduler

    for own, clipped in ((DDPMScheduler(), False), (DDPMScheduler(clip_sample=True), True)):
        assert own.config.clip_sample
        assert build(choose("ddim"), own, 5).config.clip_sample is clipped


@pytest.mark.parametrize("name", ["ddim", "ddpm-trailing"])
def test_more_steps_than_the_noise_schedule_has(name: str) -> None:
    with pytest.raises(UserError, match=rf"'{name}' cannot take 1001 steps .*between 1 and 1000"):
        build(choose(name), pndm(), 1001)


def test_zero_terminal_snr_is_not_silently_lost() -> None:
    from diffusers import DDIMScheduler

    own = DDIMScheduler(
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
    )
    assert build(choose("ddpm"), own, 5).alphas_cumprod[-1] == 0
    for name in ("pndm", "heun"):
        with pytest.raises(UserError, match="zero terminal SNR"):
            build(choose(name), own, 5)


def test_unknown_name_lists_near_ones() -> None:
    with pytest.raises(UserError, match=r"unknown scheduler 'ddpm_trailing': did you mean ddpm-t"):
        choose("ddpm_trailing")


def test_identities_differ() -> None:
    identities = [str(choice.identity()) for choice in SCHEDULERS.values()]
    assert len(set(identities)) == len(identities)
