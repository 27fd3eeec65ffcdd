"""Training that was killed and continued equals training that was not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from spatialbench.errors import UserError
from spatialbench.lab.training.loop import Schedule, Training

SCHEDULE = Schedule(steps=12, learning_rate=0.05, warmup=2, checkpoint_every=5, report_every=4)


def _train(folder: Path, stop_at: int | None = None) -> torch.Tensor:
    torch.manual_seed(3)
    module = torch.nn.Linear(3, 1)

    def losses_of(step: int, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        if step == stop_at:
            raise KeyboardInterrupt
        x = torch.from_numpy(rng.standard_normal((8, 3))).float() + 0.1 * torch.randn(8, 3)
        return {"fit": (module(x) - x.sum(-1, keepdim=True)).square().mean()}

    training = Training({"linear": module}, SCHEDULE, folder, lambda line: None)
    training.run(losses_of)
    training.use_average()
    return module.weight.detach().clone()


def test_continuing_equals_not_stopping(tmp_path: Path) -> None:
    whole = _train(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        _train(tmp_path / "cut", stop_at=8)
    assert torch.equal(_train(tmp_path / "cut"), whole)


def test_it_learns(tmp_path: Path) -> None:
    torch.manual_seed(3)
    before = (torch.nn.Linear(3, 1).weight - 1).abs().mean()
    assert (_train(tmp_path) - 1).abs().mean() < before


def test_divergence_is_said(tmp_path: Path) -> None:
    module = torch.nn.Linear(1, 1)
    training = Training({"m": module}, SCHEDULE, tmp_path, lambda line: None)
    with pytest.raises(UserError, match="diverged at step 0"):
        training.run(lambda step, rng: {"x": module.weight.sum() * float("nan")})
