"""Reading checkpoints: tensors, and nothing that runs."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from spatialbench.errors import UserError
from spatialbench.weights.state_dicts import fit, read_checkpoint


class Runs:
    """Unpickling this would make a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.folder),)


def test_weights_are_found_alone_under_their_key_and_in_safetensors(tmp_path: Path) -> None:
    state = {"a.weight": torch.arange(3.0)}
    counters = {"iteration": np.int64(9), "lr": np.float64(0.1)}
    torch.save(state, tmp_path / "alone.pth")
    torch.save({"model": state, "scheduler": counters}, tmp_path / "under.pth")
    save_file(state, tmp_path / "safe.safetensors")
    for name in ("alone.pth", "under.pth", "safe.safetensors"):
        found = read_checkpoint(tmp_path / name, "model")
        assert found.keys() == state.keys()
        assert torch.equal(found["a.weight"], state["a.weight"])


def test_a_file_that_would_run_code_is_refused(tmp_path: Path) -> None:
    path, made = tmp_path / "evil.pth", tmp_path / "made"
    torch.save({"model": {"a": torch.ones(1)}, "meta": Runs(made)}, path)
    with pytest.raises(UserError, match="cannot be read as a checkpoint"):
        read_checkpoint(path, "model")
    assert not made.exists()


@pytest.mark.parametrize("name", ["page.pth", "page.safetensors"])
def test_a_saved_web_page_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("<!doctype html><title>Sign in</title>")
    with pytest.raises(UserError, match=r"download it again|get it again"):
        read_checkpoint(path, "model")


def test_a_checkpoint_without_tensors_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "odd.pth"
    torch.save({"epoch": 3}, path)
    with pytest.raises(UserError, match=r"not plain tensors \(epoch\).*under 'model'"):
        read_checkpoint(path, "model")
    torch.save([1, 2], path)
    with pytest.raises(UserError, match="holds no weights"):
        read_checkpoint(path, "model")
    with pytest.raises(UserError, match="there is no checkpoint"):
        read_checkpoint(tmp_path / "absent.pth", "model")


def test_halves_are_widened_and_the_model_is_frozen() -> None:
    with torch.device("meta"):
        model = torch.nn.Linear(2, 1)
    fit(model, {"weight": torch.tensor([[1.5, 2.0]]).half(), "bias": torch.zeros(1)}, "it")
    assert model.weight.dtype == torch.float32
    assert not model.weight.requires_grad
    assert model(torch.tensor([2.0, 1.0])).tolist() == [5.0]
