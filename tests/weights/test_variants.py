"""Weights in one precision only, as some repositories have them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from spatialbench.backbones.checkpoint import PIPELINE_FILES
from spatialbench.backbones.named import resolve
from spatialbench.backbones.pipelines import load_pipeline
from spatialbench.errors import UserError
from spatialbench.weights.hashing import folder_hash
from spatialbench.weights.variants import Chosen, chosen
from tests.tiny_models import save_pipeline, tiny_sd

PLAIN = "diffusion_pytorch_model.safetensors"


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ([PLAIN, "diffusion_pytorch_model.fp16.safetensors", "config.json"], Chosen((PLAIN,))),
        (["diffusion_pytorch_model.non_ema.safetensors", "model.bin"], Chosen()),
        (
            ["model.fp16.safetensors", "model.fp32.safetensors"],
            Chosen(("model.fp32.safetensors",), "fp32"),
        ),
        (
            [
                *("model.fp16-00001-of-00002.safetensors", "model.fp16-00002-of-00002.safetensors"),
                *("model.safetensors.index.fp16.json", "model.safetensors.index.json"),
            ],
            Chosen(
                (
                    "model.fp16-00001-of-00002.safetensors",
                    "model.fp16-00002-of-00002.safetensors",
                    "model.safetensors.index.fp16.json",
                ),
                "fp16",
            ),
        ),
        (
            ["model-00001-of-00001.safetensors", "model.safetensors.index.json"],
            Chosen(("model-00001-of-00001.safetensors", "model.safetensors.index.json")),
        ),
    ],
)
def test_which_files_are_loaded(names: list[str], found: Chosen) -> None:
    assert chosen(names) == found


@pytest.fixture(scope="module")
def half(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """A pipeline, and a folder that has its weights as fp16 only: whole and in parts."""
    import torch

    pipe = tiny_sd().to(torch.float16)
    folder = tmp_path_factory.mktemp("half")
    pipe.save_pretrained(folder, variant="fp16")
    pipe.unet.save_pretrained(folder / "unet", variant="fp16", max_shard_size="100KB")
    (folder / "unet" / "diffusion_pytorch_model.fp16.safetensors").unlink(missing_ok=True)
    return pipe, folder


def test_they_are_loaded_and_hashed(half: tuple[Any, Path], tmp_path: Path) -> None:
    import torch

    pipe, folder = half
    assert list((folder / "unet").glob("*.fp16-*.safetensors"))
    loaded = load_pipeline(resolve(str(folder)), dtype="float32")
    for part in ("unet", "vae", "text_encoder"):
        ours, theirs = getattr(loaded, part).state_dict(), getattr(pipe, part).state_dict()
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[key], theirs[key].float()) for key in ours)
    before = folder_hash(folder, PIPELINE_FILES)
    file = folder / "vae" / "diffusion_pytorch_model.fp16.safetensors"
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert folder_hash(folder, PIPELINE_FILES) != before
    file.write_bytes(content)
    (folder / "vae" / "diffusion_pytorch_model.fp16.safetensors").write_bytes(content[:-8])
    with pytest.raises(UserError, match=r"diffusion_pytorch_model\.fp16\.safetensors has .* cut"):
        load_pipeline(resolve(str(folder)))
    file.write_bytes(content)


def test_beside_plain_weights_they_decide_nothing(tmp_path: Path) -> None:
    folder = save_pipeline(tiny_sd(), tmp_path)
    before = folder_hash(folder, PIPELINE_FILES)
    (folder / "unet" / "diffusion_pytorch_model.fp16.safetensors").write_bytes(b"x")
    assert folder_hash(folder, PIPELINE_FILES) == before
