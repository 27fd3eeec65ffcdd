"""Weights that lost bytes are refused in a sentence, wherever the cut; whole ones load."""

from __future__ import annotations

from pathlib import Path

import pytest

from spatialbench.checkpoints.loading import load_model
from spatialbench.errors import UserError


def test_truncated_safetensors_of_a_model(tmp_path: Path) -> None:
    import torch
    from diffusers import AutoencoderKL

    model = AutoencoderKL(block_out_channels=(4,), norm_num_groups=2, layers_per_block=1)
    model.save_pretrained(tmp_path)
    path = tmp_path / "diffusion_pytorch_model.safetensors"
    sound = path.read_bytes()
    for cut in (0, 5, 100, len(sound) // 2, len(sound) - 1):
        path.write_bytes(sound[:cut])
        with pytest.raises(UserError, match="cannot load AutoencoderKL from"):
            load_model(AutoencoderKL, tmp_path, torch.float32)
    path.write_bytes(sound)
    loaded = load_model(AutoencoderKL, tmp_path, torch.float32)
    state = model.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in loaded.state_dict().items())
