"""Damaged weights are one sentence that names the file, whatever class they are of."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spatialbench.errors import UserError
from spatialbench.weights.loading import load_model

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 335544320\n"
PAGE = b"<!DOCTYPE html><html><title>Sign in</title></html>"


def _owl(folder: Path) -> None:
    from tests.tiny_models import save_tiny_owlvit

    save_tiny_owlvit(folder)


def _owl2(folder: Path) -> None:
    from tests.tiny_models import save_tiny_owlvit

    save_tiny_owlvit(folder, v2=True)


def _dino(folder: Path) -> None:
    from tests.tiny_models import save_tiny_grounding_dino

    save_tiny_grounding_dino(folder)


def _mask2former(folder: Path) -> None:
    from transformers import Mask2FormerConfig, Mask2FormerForUniversalSegmentation, SwinConfig

    swin = SwinConfig(
        embed_dim=12,
        depths=[1, 1, 1, 1],
        num_heads=[1, 2, 2, 2],
        window_size=4,
        out_features=["stage1", "stage2", "stage3", "stage4"],
    )
    config = Mask2FormerConfig(
        backbone_config=swin,
        feature_size=32,
        mask_feature_size=32,
        hidden_dim=32,
        encoder_feedforward_dim=16,
        encoder_layers=1,
        decoder_layers=2,
        num_attention_heads=2,
        dim_feedforward=16,
        num_queries=4,
    )
    Mask2FormerForUniversalSegmentation(config).save_pretrained(folder)


def _clip(folder: Path) -> None:
    from transformers import CLIPConfig, CLIPModel

    text = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    text |= {"num_attention_heads": 2, "vocab_size": 20}
    vision = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    vision |= {"num_attention_heads": 2, "image_size": 28, "patch_size": 14}
    CLIPModel(CLIPConfig(text_config=text, vision_config=vision)).save_pretrained(folder)


def _clip_text(folder: Path) -> None:
    from tests.tiny_models import clip_text, word_tokenizer

    clip_text(word_tokenizer(), 16).save_pretrained(folder)


def _t5(folder: Path) -> None:
    from transformers import T5Config, T5EncoderModel

    config = T5Config(vocab_size=20, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2)
    T5EncoderModel(config).save_pretrained(folder)


def _depth(folder: Path) -> None:
    from tests.stages.conftest import _depth_model

    _depth_model().save_pretrained(folder)


def _sam(folder: Path) -> None:
    from tests.stages.conftest import sam_model

    sam_model().save_pretrained(folder)


def _unet(folder: Path) -> None:
    from tests.methods.lora.lora_files import small_unet

    small_unet().save_pretrained(folder)


def _vae(folder: Path) -> None:
    from diffusers import AutoencoderKL

    AutoencoderKL(block_out_channels=(4,), norm_num_groups=2).save_pretrained(folder)


def _flux(folder: Path) -> None:
    from tests.tiny_models import tiny_flux_transformer

    tiny_flux_transformer().save_pretrained(folder)


CLASSES: dict[str, Callable[[Path], None]] = {
    "OwlViTForObjectDetection": _owl,
    "Owlv2ForObjectDetection": _owl2,
    "GroundingDinoForObjectDetection": _dino,
    "Mask2FormerForUniversalSegmentation": _mask2former,
    "CLIPModel": _clip,
    "CLIPTextModel": _clip_text,
    "T5EncoderModel": _t5,
    "DepthAnythingForDepthEstimation": _depth,
    "SamModel": _sam,
    "UNet2DConditionModel": _unet,
    "AutoencoderKL": _vae,
    "FluxTransformer2DModel": _flux,
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    folders: dict[str, Path] = {}

    def get(name: str) -> Path:
        if name not in folders:
            folders[name] = tmp_path_factory.mktemp(name)
            CLASSES[name](folders[name])
        return folders[name]

    return get


def load(name: str, folder: Path, *, pickled: bool = True) -> Any:
    import diffusers
    import torch
    import transformers

    kind = getattr(diffusers, name, None) or getattr(transformers, name)
    return load_model(kind, folder, torch.float32, pickled=pickled)


def refusal(name: str, folder: Path) -> str:
    """What a loader says; nothing where it loads."""
    try:
        load(name, folder)
    except UserError as error:
        return str(error)
    return ""


def weights(folder: Path) -> Path:
    (path,) = folder.glob("*.safetensors")
    return path


def refuse(name: str, folder: Path, *parts: str) -> None:
    said = refusal(name, folder)
    assert said.startswith(f"cannot load {name} from {folder}") or "do not fit" in said
    assert all(part in said for part in parts), said
    assert "\n" not in said


@pytest.mark.parametrize("name", CLASSES)
def test_damage_to_the_weights_of_every_class(
    saved: Callable[[str], Path], tmp_path: Path, name: str
) -> None:
    folder = Path(shutil.copytree(saved(name), tmp_path / "model"))
    path = weights(folder)
    sound = path.read_bytes()
    length = int.from_bytes(sound[:8], "little")
    header = json.loads(sound[8 : 8 + length])
    for content, said in {
        b"": "is empty",
        sound[:5]: "cut off",
        sound[:200]: "cut off",
        sound[:-1]: "cut off",
        sound + b"x": "cut off or damaged",
        sound[:8] + b"x" * length + sound[8 + length :]: "damaged header",
        (1 << 60).to_bytes(8, "little") + sound[8:]: "cut off",
        LFS: "pointer of Git LFS",
        PAGE: "web page",
    }.items():
        path.write_bytes(content)
        refuse(name, folder, path.name, said)
    key = next(k for k, v in header.items() if k != "__metadata__" and len(v["shape"]) > 1)
    header[key]["dtype"] = "I32"
    whole = json.dumps(header).encode()
    path.write_bytes(len(whole).to_bytes(8, "little") + whole + sound[8 + length :])
    refuse(name, folder, path.name, f"whole numbers where weights belong ({key}: I32)")
    path.write_bytes(sound)
    for config in (b"", b"{", b"[]", b"\xff\xfe", PAGE, b"[" * 100_000):
        (folder / "config.json").write_bytes(config)
        refuse(name, folder, "config.json", "cannot be read")
    shutil.copy(saved(name) / "config.json", folder)
    assert load(name, folder)


@pytest.mark.parametrize("name", CLASSES)
def test_strange_configurations_of_every_class(
    saved: Callable[[str], Path], tmp_path: Path, name: str
) -> None:
    """What the libraries raise at these is of every kind, ImportError among them."""
    folder = Path(shutil.copytree(saved(name), tmp_path / "model"))
    config = json.loads((folder / "config.json").read_text())
    first = next(key for key, value in config.items() if isinstance(value, (int, list)))
    for changes in (
        {"quantization_config": {"quant_method": "bitsandbytes", "load_in_8bit": True}},
        {"quantization_config": {"quant_method": "awq"}},
        {first: {"a": None}, "hidden_size": "wide", "block_out_channels": "wide", "d_model": {}},
    ):
        (folder / "config.json").write_text(json.dumps(config | changes))
        assert "\n" not in refusal(name, folder)
    (folder / "config.json").write_text(json.dumps(config | {"transformers_weights": "x"}))
    refuse(name, folder, "config.json", "transformers_weights")
    (folder / "config.json").write_text(json.dumps(config | {"attn_implementation": "org/kernel"}))
    refuse(name, folder, "config.json", "code from elsewhere")
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "/elsewhere"}')
    refuse(name, folder, "adapter_config.json")


@pytest.mark.parametrize("name", ["OwlViTForObjectDetection", "CLIPModel"])
def test_damaged_pickles(saved: Callable[[str], Path], tmp_path: Path, name: str) -> None:
    import torch
    from safetensors.torch import load_file

    folder = Path(shutil.copytree(saved(name), tmp_path / "model"))
    path = weights(folder)
    pickle = folder / "pytorch_model.bin"
    torch.save(load_file(path), pickle)
    path.unlink()
    sound = pickle.read_bytes()
    assert load(name, folder)
    for content in (b"", sound[:5], sound[: len(sound) // 2], sound[:-1], LFS, PAGE, b"\x80\x02x."):
        pickle.write_bytes(content)
        refuse(name, folder, pickle.name)


@pytest.mark.parametrize("name", ["CLIPTextModel", "UNet2DConditionModel"])
def test_a_folder_in_parts(saved: Callable[[str], Path], tmp_path: Path, name: str) -> None:
    model = load(name, saved(name))
    model.save_pretrained(tmp_path, max_shard_size="20KB")
    (index,) = tmp_path.glob("*.index.json")
    again = load(name, tmp_path).state_dict()
    assert all((value == again[key]).all() for key, value in model.state_dict().items())
    parts = sorted(tmp_path.glob("*.safetensors"))
    assert len(parts) > 1
    sound = index.read_text()
    content = json.loads(sound)
    key = next(iter(content["weight_map"]))
    outside = tmp_path.parent / "outside.safetensors"
    shutil.copy(tmp_path / content["weight_map"][key], outside)
    (tmp_path / "part.bin").write_bytes(b"")
    for named in ("../outside.safetensors", str(outside), "part.bin", "a\\b.safetensors", 3, ""):
        changed = content | {"weight_map": content["weight_map"] | {key: named}}
        index.write_text(json.dumps(changed))
        refuse(name, tmp_path, index.name)
    for text in ("", "[]", '{"weight_map": []}', '{"weight_map": {}}', '{"weight_map": {"a": []}}'):
        index.write_text(text)
        refuse(name, tmp_path, index.name)
    index.write_text(sound)
    moved = parts[1].rename(tmp_path.parent / "moved")
    refuse(name, tmp_path, parts[1].name, "is missing")
    parts[1].write_bytes(moved.read_bytes()[:-9])
    refuse(name, tmp_path, parts[1].name, "cut off")
