"""Folders that must not be sampled from, each refused with what is wrong in it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spatialbench.backbones.named import resolve
from spatialbench.backbones.pipelines import load_pipeline
from spatialbench.errors import UserError
from tests.tiny_models import edit_json

UNET = "unet/diffusion_pytorch_model.safetensors"
VAE = "vae/diffusion_pytorch_model.safetensors"
TEXT = "text_encoder/model.safetensors"


@pytest.fixture
def copy(sd_folder: Path, tmp_path: Path) -> Path:
    """A copy of the small pipeline to damage."""
    return Path(shutil.copytree(sd_folder, tmp_path / "copy"))


def rewrite(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(path)
    change(weights)
    save_file(weights, path, metadata={"format": "pt"})


def refuse(folder: Path, message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_pipeline(resolve(str(folder)))


def test_models_are_frozen_and_in_evaluation_mode(sd_folder: Path, sdxl_folder: Path) -> None:
    import torch

    for folder in (sd_folder, sdxl_folder):
        pipe = load_pipeline(resolve(str(folder)), dtype="bfloat16")
        models = [part for part in pipe.components.values() if isinstance(part, torch.nn.Module)]
        assert len(models) == (4 if folder == sdxl_folder else 3)
        for model in models:
            assert not model.training
            assert {p.requires_grad for p in model.parameters()} == {False}
            assert {p.dtype for p in model.parameters()} == {torch.bfloat16}
        assert pipe.components.get("safety_checker") is None


def test_half_precision_weights_are_read_as_asked(sd_folder: Path, tmp_path: Path) -> None:
    import torch
    from diffusers import StableDiffusionPipeline

    stored = StableDiffusionPipeline.from_pretrained(sd_folder).to(torch.float16)
    stored.save_pretrained(tmp_path)
    pipe = load_pipeline(resolve(str(tmp_path)))
    for part in ("unet", "vae", "text_encoder"):
        ours, theirs = getattr(pipe, part).state_dict(), getattr(stored, part).state_dict()
        assert {value.dtype for value in ours.values() if value.is_floating_point()} == {
            torch.float32
        }
        assert all(torch.equal(ours[name], theirs[name].to(ours[name].dtype)) for name in theirs)


@pytest.mark.parametrize("path", [UNET, VAE, TEXT])
def test_missing_weights_are_named(copy: Path, path: str) -> None:
    gone: list[str] = []
    rewrite(copy / path, lambda weights: gone.append(next(iter(sorted(weights)))))
    rewrite(copy / path, lambda weights: weights.pop(gone[0]))
    refuse(copy, rf"1 missing \({gone[0]}\)")


def test_unexpected_weights_are_named(copy: Path) -> None:
    rewrite(copy / UNET, lambda w: w.update({"conv_in.other": w["conv_in.bias"].clone()}))
    refuse(copy, r"1 unexpected \(conv_in\.other\)")


def test_unexpected_text_weights_are_named(copy: Path) -> None:
    import torch

    rewrite(copy / TEXT, lambda w: w.update({"text_model.extra.weight": torch.ones(2)}))
    refuse(copy, r"1 unexpected \((text_model\.)?extra\.weight\)")


@pytest.mark.parametrize(("path", "key"), [(UNET, "conv_in.bias"), (TEXT, "norm.bias")])
def test_misshapen_weights_are_refused(copy: Path, path: str, key: str) -> None:
    def shorten(weights: dict[str, Any]) -> None:
        name = next(n for n in weights if n.endswith(key))
        weights[name] = weights[name][:-1].clone()

    rewrite(copy / path, shorten)
    refuse(copy, rf"1 misshapen \(\S*{key}\)")


def test_nan_weights_are_named(copy: Path) -> None:
    rewrite(copy / VAE, lambda w: w["decoder.conv_in.weight"].view(-1)[3:4].fill_(float("nan")))
    refuse(copy, r"not finite in 1 tensors \(decoder\.conv_in\.weight\)")


def test_pickled_weights_are_refused(copy: Path) -> None:
    (copy / UNET).rename(copy / "unet" / "diffusion_pytorch_model.bin")
    refuse(copy, r"only pickled weights \(diffusion_pytorch_model\.bin\).*safetensors")


def test_a_truncated_file_is_refused(copy: Path) -> None:
    path = copy / UNET
    path.write_bytes(path.read_bytes()[:-1000])
    refuse(copy, "cannot load UNet2DConditionModel")


def test_a_missing_part_is_refused(copy: Path) -> None:
    shutil.rmtree(copy / "vae")
    refuse(copy, r"vae is missing")


def test_a_missing_tokenizer_is_refused(copy: Path) -> None:
    shutil.rmtree(copy / "tokenizer")
    refuse(copy, "cannot load the tokenizer or scheduler")


def test_another_kind_of_pipeline_is_refused(copy: Path) -> None:
    edit_json(copy / "model_index.json", _class_name="StableCascadeDecoderPipeline")
    refuse(copy, "holds a StableCascadeDecoderPipeline; expected one of StableDiffusionPipeline")
    (copy / "model_index.json").write_text("{")
    refuse(copy, "cannot be read as a pipeline description")


def test_old_names_of_the_same_weights_are_accepted(sd_folder: Path, copy: Path) -> None:
    """Stable Diffusion 1.x was published with these names and a position counter."""
    import torch

    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}

    def rename(weights: dict[str, Any]) -> None:
        for name in [n for n in weights if "attentions" in n]:
            renamed = name
            for new, previous in old.items():
                renamed = renamed.replace(f".{new}.", f".{previous}.")
            assert renamed != name or "group_norm" in name
            weights[renamed] = weights.pop(name)

    rewrite(copy / VAE, rename)
    positions = torch.arange(16)[None]
    rewrite(
        copy / TEXT, lambda w: w.update({"text_model.embeddings.position_ids": positions.clone()})
    )
    before, after = (load_pipeline(resolve(str(folder))) for folder in (sd_folder, copy))
    for part in ("vae", "text_encoder"):
        a, b = getattr(before, part).state_dict(), getattr(after, part).state_dict()
        assert list(a) == list(b)
        assert all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dtype": "float16"}, r"float16 on the CPU .*--dtype float32"),
        ({"dtype": "float23"}, r"unknown dtype 'float23': did you mean float32"),
        ({"device": "gpu"}, r"the device 'gpu' cannot be used here"),
        ({"device": "cuda:99"}, r"the device 'cuda:99' cannot be used here"),
    ],
)
def test_devices_and_types_that_are_not_there(
    sd_folder: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        load_pipeline(resolve(str(sd_folder)), **options)
