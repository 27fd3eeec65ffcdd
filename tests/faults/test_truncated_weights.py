"""Weights that lost bytes are refused in a sentence, wherever the cut; whole ones load."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from spatialbench.errors import UserError
from spatialbench.weights.loading import load_model


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


def test_doctor_names_truncated_weights_of_a_detector(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A download that stopped half way lies in the Hub's cache."""
    from spatialbench import plugins
    from spatialbench.cli.checks import _model
    from tests.tiny_models import save_tiny_owlvit

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    owlvit: Any = plugins.load("detector", "owlvit")
    source = owlvit.weights.source
    kept = tmp_path / f"models--{source.repo.replace('/', '--')}" / "snapshots" / source.revision
    path = save_tiny_owlvit(kept) / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    found = _model("detector", "owlvit", record_canary=False)
    assert found.state == "broken"
    assert str(path) in found.detail
    assert "it is cut off or damaged" in found.detail


@pytest.mark.parametrize("first", ["load", "signature"])
def test_doctor_survives_a_detector_that_raises_anything(
    first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from spatialbench import plugins
    from spatialbench.cli.checks import _model

    class Broken:
        def configure(self, *_: object) -> Broken:
            return self

        def load(self) -> None:
            if first == "load":
                raise ImportError("no module\nnamed x")

        def signature(self) -> str:
            raise ImportError("no module\nnamed x")

    monkeypatch.setattr(plugins, "load", lambda *_: Broken())
    found = _model("detector", "strange", record_canary=False)
    assert (found.state, found.detail) == ("broken", "ImportError: no module named x")


def test_truncated_weights_of_a_detector_are_missing_before_the_first_image(
    tmp_path: Path,
) -> None:
    """Before, they were found after the last one."""
    from spatialbench import plugins
    from tests.tiny_models import save_tiny_owlvit

    path = save_tiny_owlvit(tmp_path) / "model.safetensors"
    detector = plugins.load("detector", "owlvit").configure(str(tmp_path), "cpu", False)
    assert [need.state for need in detector.requirements(["dog"])] == ["here"]
    path.write_bytes(path.read_bytes()[:-100])
    (need,) = detector.requirements(["dog"])
    assert need.state == "missing"
    assert need.missing is not None
    assert "it is cut off or damaged" in need.missing
