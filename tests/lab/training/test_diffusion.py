"""Pieces of the diffusion training, by hand; and that a short training runs, saves and resumes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from spatialbench.cli import main
from spatialbench.lab.models import build_scheduler
from spatialbench.lab.training.diffusion import (
    OBJECT_WEIGHT,
    relation_accuracy_at,
    sample_timesteps,
    velocity_target,
    weighted_error,
)
from spatialbench.lab.training.grounding import object_mask
from spatialbench.lab.world import RELATION_ACCURACY, draw, sample_scene


def test_captions_fade_from_always_right_to_the_worlds_accuracy() -> None:
    shares = [relation_accuracy_at(p) for p in np.linspace(0, 1, 11)]
    assert shares[0] == 1.0
    assert shares[-1] == pytest.approx(RELATION_ACCURACY)
    assert shares == sorted(shares, reverse=True)


def test_timesteps_cover_the_schedule() -> None:
    steps = sample_timesteps(np.random.default_rng(0), 20000)
    assert steps.min() >= 0
    assert steps.max() <= 999
    assert np.mean((steps >= 300) & (steps < 900)) == pytest.approx(0.4 + 0.6 * 0.6, abs=0.02)


def test_the_schedulers_own_step_gets_the_image_back_from_noisy_and_from_pure_noise() -> None:
    torch.manual_seed(0)
    scheduler = build_scheduler()
    latents, noise = torch.randn(2, 3, 4, 16, 16).unbind()
    timesteps = torch.tensor([1, 500, 951])
    pure = torch.tensor([False, False, True])
    shown, target = velocity_target(latents, noise, timesteps, pure, scheduler.alphas_cumprod)
    torch.testing.assert_close(shown[:2], scheduler.add_noise(latents, noise, timesteps)[:2])
    torch.testing.assert_close(
        target[:2], scheduler.get_velocity(latents, noise, timesteps)[:2], atol=1e-4, rtol=1e-4
    )
    assert torch.equal(shown[2], noise[2])
    scheduler.set_timesteps(20)
    for i, t in enumerate(timesteps):
        back = scheduler.step(target[i], int(t), shown[i]).pred_original_sample
        torch.testing.assert_close(back, latents[i], atol=1e-4, rtol=1e-4)


def test_an_error_inside_an_object_weighs_more() -> None:
    drawing = draw(sample_scene(np.random.default_rng(4)))
    inside = object_mask([drawing], 16).amax(1).view(16, 16).bool()
    target = torch.zeros(1, 4, 16, 16)
    on_object = torch.where(inside, 1.0, 0.0).expand(1, 4, 16, 16)
    share = inside.float().mean()
    expected = OBJECT_WEIGHT * share / (1 + (OBJECT_WEIGHT - 1) * share)
    assert weighted_error(on_object, target, [drawing]) == pytest.approx(float(expected))
    assert weighted_error(torch.ones_like(target), target, [drawing]) == pytest.approx(1.0)


def test_every_part_trains_in_order_and_gives_loadable_weights(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """One step each: the real command, the real models, only shorter."""
    assert main(["lab", "train", "diffusion", "--folder", str(tmp_path)]) == 2
    assert "lab train autoencoder" in capfd.readouterr().err
    whole = ["lab", "train", "all", "--folder", str(tmp_path), "--steps", "1"]
    assert main(whole) == 0
    assert "step" not in capfd.readouterr().out
    assert main(whole) == 0
    assert "continuing at step 1" in capfd.readouterr().err
    on = ["lab", "train", "diffusion", "--folder", str(tmp_path / "on"), "--steps", "1"]
    assert main([*on, "--start", str(tmp_path / "diffusion" / "model")]) == 0
    assert "step" not in capfd.readouterr().out
    target = tmp_path / "weights"
    assert main(["lab", "export", str(tmp_path), "--to", str(target)]) == 0
    run = ["run", "--method", "sd", "--bench", "visor", "--limit", "1", "--images-per-prompt", "1"]
    # So little trained, the detector may be sure of nothing.
    run += ["--steps", "2", "--threshold", "0", "--out", str(tmp_path / "run")]
    run += ["--backbone", str(target / "backbone"), "--width", "64", "--height", "64"]
    run += ["--detector", f"owlvit:{target / 'owlvit'}"]
    assert main(run) == 0, capfd.readouterr().err
    image = next((tmp_path / "run" / "images").rglob("*.png"))
    assert Image.open(image).size == (64, 64)


def test_an_unknown_part_lists_the_parts(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["lab", "train", "difusion"]) == 2
    assert "did you mean diffusion" in capfd.readouterr().err
