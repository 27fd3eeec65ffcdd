"""Noised samples and their answers, against diffusers' own schedulers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, FlowMatchEulerDiscreteScheduler

from spatialbench.lora_training.noising import PURE_NOISE_FROM, draw_timesteps, shown_and_target


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_the_scheduler_gets_the_latents_back_from_the_answer(prediction: str) -> None:
    scheduler = DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type=prediction,
        clip_sample=False,
    )
    scheduler.set_timesteps(1000)
    latents, noise = torch.randn(2, 4, 4, 4), torch.randn(2, 4, 4, 4)
    for timestep in (3, 500, 950, 999):
        steps = torch.tensor([timestep, timestep])
        pure = torch.tensor([False, True])
        signal = scheduler.alphas_cumprod.double()
        shown, target = shown_and_target(
            latents.double(), noise.double(), steps, pure, signal, prediction
        )
        plain = scheduler.add_noise(latents, noise, steps)
        torch.testing.assert_close(shown[0].float(), plain[0])
        assert torch.equal(shown[1], noise[1].double()), "pure noise holds nothing of the image"
        for row in range(2):
            back = scheduler.step(target[row], timestep, shown[row]).pred_original_sample
            torch.testing.assert_close(back.float(), latents[row], atol=2e-4, rtol=1e-3)
    if prediction == "epsilon":
        torch.testing.assert_close(target[0].float(), noise[0], atol=1e-4, rtol=1e-4)


def test_the_flow_leads_straight_back_and_pure_noise_is_its_beginning() -> None:
    scheduler = FlowMatchEulerDiscreteScheduler()
    latents, noise = torch.randn(3, 4, 4, 4), torch.randn(3, 4, 4, 4)
    steps, pure = torch.tensor([99, 949, 949]), torch.tensor([False, False, True])
    signal = 1 - torch.arange(1, 1001) / 1000
    shown, target = shown_and_target(latents, noise, steps, pure, signal, "flow")
    at = torch.tensor([100.0, 950.0, 1000.0])
    torch.testing.assert_close(shown, scheduler.scale_noise(latents, at, noise))
    assert torch.equal(shown[2], noise[2])
    torch.testing.assert_close(shown - at.view(-1, 1, 1, 1) / 1000 * target, latents)


def test_only_late_timesteps_are_shown_pure_noise() -> None:
    timesteps, pure = draw_timesteps(np.random.default_rng(0), 4000, 0.25)
    assert timesteps[pure].min() >= PURE_NOISE_FROM
    assert 0.22 < pure.mean() < 0.28
    assert timesteps[~pure].min() < 10
    assert timesteps.max() == 999
    none = draw_timesteps(np.random.default_rng(0), 100, 0.0)[1]
    assert not none.any()
