"""LoRAs on pipelines of any class: as diffusers itself would load them, or refused."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spatialbench.errors import UserError
from spatialbench.methods.lora import PLUGIN
from spatialbench.methods.lora.adaptation import adapt_any_pipeline
from spatialbench.methods.lora.lora_file import find_lora
from spatialbench.methods.stable_diffusion import PLUGIN as PLAIN
from spatialbench.plugins import GenerationSettings, ImageRequest
from spatialbench.prompts import Prompt
from tests.methods.lora.lora_files import Pair, random_lora, write
from tests.tiny_pipelines import PIPELINES, bare_images, made
from tests.tiny_sd3 import tiny_sd3

ENDS = ("to_q", "to_k", "to_v", "to_out.0")
NAMES = ("z-image", "qwen-image", "sana", "lumina2", "cogview4", "pixart-sigma")


def peft_names(pairs: Mapping[str, Pair], prefix: str = "transformer.") -> dict[str, Any]:
    """diffusers' names; alpha is the rank."""
    return {
        f"{prefix}{name}.lora_{side}.weight": value.contiguous()
        for name, pair in pairs.items()
        for side, value in (("A", pair.down), ("B", pair.up))
    }


def pixels(plugin: Any, folder: Path, name: str, **parameters: Any) -> Any:
    side, told = PIPELINES[name][1:]
    settings = GenerationSettings(backbone=str(folder), steps=2, width=side, height=side)
    request = ImageRequest(Prompt("0", "a dog above a cat", "above"), 0, 42)
    given = {key: value for key, value in told.items() if key in plugin.parameters}
    (image,) = plugin.configure(settings, {**given, **parameters}).generate([request])
    return np.asarray(image, np.int16)


@pytest.mark.parametrize("name", NAMES)
def test_the_images_are_those_of_diffusers_own_loader(name: str, tmp_path: Path) -> None:
    pipe = made(name)
    pipe.save_pretrained(tmp_path / "model")
    tensors = peft_names(random_lora(pipe.transformer, ENDS))
    file = write(tmp_path / "lora.safetensors", tensors)
    scale = 0.5
    if hasattr(pipe, "load_lora_weights"):
        pipe.load_lora_weights(str(tmp_path), weight_name=file.name, adapter_name="x")
        pipe.set_adapters(["x"], [scale])
    else:
        adapt_any_pipeline(pipe, find_lora(str(file)), scale)
    (theirs,) = bare_images(pipe, name, ["a dog above a cat"], [42])
    ours = pixels(PLUGIN, tmp_path / "model", name, lora=str(file), scale=scale)
    assert np.abs(ours - np.asarray(theirs, np.int16)).max() == 0
    plain = pixels(PLAIN, tmp_path / "model", name)
    assert np.abs(ours - plain).max() > 0
    none = pixels(PLUGIN, tmp_path / "model", name, lora=str(file), scale=0)
    assert np.abs(none - plain).max() == 0


def test_on_stable_diffusion_3(tmp_path: Path) -> None:
    import torch

    pipe = tiny_sd3()
    pipe.set_progress_bar_config(disable=True)
    pipe.save_pretrained(tmp_path / "model")
    tensors = peft_names(random_lora(pipe.transformer, (*ENDS, "add_k_proj")))
    tensors |= peft_names(random_lora(pipe.text_encoder, ("q_proj", "fc1")), "text_encoder.")
    file = write(tmp_path / "lora.safetensors", tensors)
    settings = GenerationSettings(backbone=str(tmp_path / "model"), steps=2)
    request = ImageRequest(Prompt("0", "a dog above a cat", "above"), 0, 42)

    def made_by(**parameters: Any) -> Any:
        (image,) = PLUGIN.configure(settings, {"lora": str(file), **parameters}).generate([request])
        return np.asarray(image, np.int16)

    pipe.load_lora_weights(str(tmp_path), weight_name=file.name, adapter_name="x")
    pipe.set_adapters(["x"], [0.5])
    stock = pipe(
        prompt=request.prompt.text,
        num_inference_steps=2,
        height=32,
        width=32,
        generator=torch.Generator().manual_seed(42),
    ).images[0]
    ours = made_by(scale=0.5)
    assert np.abs(ours - np.asarray(stock, np.int16)).max() <= 1
    assert np.abs(ours - made_by(scale=0)).max() > 1


def test_identity_and_refusals(tmp_path: Path) -> None:
    pipe = made("sana")
    pipe.save_pretrained(tmp_path / "model")
    tensors = peft_names(random_lora(pipe.transformer, ENDS))
    file = write(tmp_path / "lora.safetensors", tensors)
    settings = GenerationSettings(backbone=str(tmp_path / "model"))
    plain = PLAIN.configure(settings, {}).identity()
    ours = PLUGIN.configure(settings, {"lora": str(file), "scale": 0.5}).identity()
    assert ours["lora"]["sha256"]
    assert ours["method"] == "lora"
    assert ours["parameters"] == {"scale": 0.5, **plain["parameters"]}
    assert ours["pipeline"] == "SanaPipeline"
    with pytest.raises(UserError, match="needs a LoRA"):
        PLUGIN.configure(settings, {})
    with pytest.raises(UserError, match="unknown parameter of lora 'lara'"):
        PLUGIN.configure(settings, {"lara": "x"})


def refused(pipe: Any, tensors: dict[str, Any], folder: Path, message: str) -> None:
    file = write(folder / "odd.safetensors", tensors)
    before = {key: value.clone() for key, value in pipe.transformer.state_dict().items()}
    with pytest.raises(UserError, match=message):
        adapt_any_pipeline(pipe, find_lora(str(file)))
    after = pipe.transformer.state_dict()
    assert before.keys() == after.keys(), "nothing is left in the model"


@pytest.mark.parametrize("name", ["sana", "z-image"])
def test_every_key_is_accounted_for(name: str, tmp_path: Path) -> None:
    import torch

    pipe = made(name)
    good = peft_names(random_lora(pipe.transformer, ENDS))
    stranger = {
        "transformer.nowhere.to_q.lora_A.weight": torch.ones(4, 8),
        "transformer.nowhere.to_q.lora_B.weight": torch.ones(8, 4),
    }
    refused(pipe, good | stranger, tmp_path, r"keys match this backbone and 2 do not")
    refused(pipe, stranger, tmp_path, r"0 of 2 keys match")
    wide = {key: value.repeat(1, 2) if "lora_A" in key else value for key, value in good.items()}
    refused(pipe, wide, tmp_path, r"made for another model")
    half = {key: value for key, value in good.items() if "lora_A" in key}
    refused(pipe, half, tmp_path, r"needs both of its matrices")
    zeros = {key: torch.zeros_like(value) for key, value in good.items()}
    refused(pipe, zeros, tmp_path, r"changes none of its")
    dora = good | {"transformer.x.dora_scale": torch.ones(3)}
    refused(pipe, dora, tmp_path, "DoRA")


def changes(pipe: Any) -> dict[str, Any]:
    """What each adapted module of the transformer grows by."""
    found = {}
    for name, module in pipe.transformer.named_modules():
        for adapter, down in getattr(module, "lora_A", {}).items():
            change = module.lora_B[adapter].weight @ down.weight
            found[name] = module.scaling[adapter] * change
    return found


def same(ours: dict[str, Any], theirs: dict[str, Any]) -> bool:
    import torch

    return ours.keys() == theirs.keys() and all(
        torch.allclose(change, theirs[name], atol=1e-6) for name, change in ours.items()
    )


def kohya(pairs: Mapping[str, Pair], names: Mapping[str, str]) -> dict[str, Any]:
    import torch

    found: dict[str, Any] = {}
    for module, name in names.items():
        pair = pairs[module]
        found[f"{name}.lora_down.weight"] = pair.down
        found[f"{name}.lora_up.weight"] = pair.up
        found[f"{name}.alpha"] = torch.tensor(pair.alpha)
    return found


def test_a_module_s_own_name_with_underscores(tmp_path: Path) -> None:
    pipe = made("z-image")
    pairs = random_lora(pipe.transformer, ("to_q", "to_v"))
    names = {name: f"lora_unet_{name.replace('.', '_')}" for name in pairs}
    file = write(tmp_path / "kohya.safetensors", kohya(pairs, names))
    assert adapt_any_pipeline(pipe, find_lora(str(file))).modules == len(pairs)
    assert same(changes(pipe), {name: pair.change for name, pair in pairs.items()})


THEIR_NAMES = {
    "transformer_blocks.0.ff.linear_in": "lora_unet_double_blocks_0_img_mlp_0",
    "transformer_blocks.0.ff_context.linear_out": "lora_unet_double_blocks_0_txt_mlp_2",
    "transformer_blocks.0.attn.to_out.0": "lora_unet_double_blocks_0_img_attn_proj",
    "single_transformer_blocks.0.attn.to_out": "lora_unet_single_blocks_0_linear2",
}
"""FLUX.2's layers as its authors call them, in the spelling of kohya's scripts."""


def test_names_that_diffusers_knows_and_their_alphas(tmp_path: Path) -> None:
    pipe = made("flux2-klein")
    pairs = random_lora(pipe.transformer, tuple(THEIR_NAMES))
    assert pairs.keys() == THEIR_NAMES.keys()
    file = write(tmp_path / "kohya.safetensors", kohya(pairs, THEIR_NAMES))
    done = adapt_any_pipeline(pipe, find_lora(str(file)))
    assert (done.modules, done.changed) == (len(pairs), len(pairs))
    expected = {name: pair.change for name, pair in pairs.items()}
    assert same(changes(pipe), expected)
    done.remove()
    assert not changes(pipe)
    adapt_any_pipeline(pipe, find_lora(str(file)), 0.25)
    assert same(changes(pipe), {name: 0.25 * change for name, change in expected.items()})


def test_what_diffusers_splits_is_as_it_loads_it(tmp_path: Path) -> None:
    """A layer of three projections in one, in the names of FLUX.2's authors."""
    import torch

    pipe = made("flux2-klein")
    attention = pipe.transformer.transformer_blocks[0].attn
    rows, width = attention.to_q.weight.shape
    generator = torch.Generator().manual_seed(1)
    name = "diffusion_model.double_blocks.0.img_attn.qkv"
    tensors = {
        f"{name}.lora_A.weight": torch.randn(4, width, generator=generator),
        f"{name}.lora_B.weight": torch.randn(3 * rows, 4, generator=generator),
    }
    file = write(tmp_path / "toolkit.safetensors", tensors)
    done = adapt_any_pipeline(pipe, find_lora(str(file)))
    ours = changes(pipe)
    done.remove()
    pipe.load_lora_weights(str(tmp_path), weight_name=file.name)
    assert same(ours, changes(pipe))
    assert len(ours) == 3


def test_what_diffusers_would_drop_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    pipe = made("flux2-klein")
    pairs = random_lora(pipe.transformer, tuple(THEIR_NAMES))
    good = kohya(pairs, THEIR_NAMES)
    stranger = "lora_unet_double_blocks_7_img_mlp_0"
    more = {
        f"{stranger}.lora_down.weight": torch.ones(4, 8),
        f"{stranger}.lora_up.weight": torch.ones(8, 4),
    }
    refused(pipe, good | more, tmp_path, r"keys match this backbone|would drop")
    odd = {
        "lora_unet_odd_0.lora_down.weight": torch.ones(4, 8),
        "lora_unet_odd_0.lora_up.weight": torch.ones(8, 4),
    }
    refused(pipe, good | odd, tmp_path, r"keys match this backbone|would drop")
    peft = {f"base_model.model.{key}": value for key, value in {
        "double_blocks.0.img_mlp.0.lora_A.weight": torch.ones(4, 8),
        "double_blocks.0.img_mlp.0.lora_B.weight": torch.ones(8, 4),
    }.items()}  # fmt: skip
    refused(pipe, peft, tmp_path, "its alpha is lost")

    kind = type(pipe)
    own = kind.lora_state_dict

    def forgetful(tensors: dict[str, Any], **options: Any) -> Any:
        found = own(tensors, **options)
        key = next(iter(found))
        return {
            k: v for k, v in found.items() if k.partition(".lora_")[0] != key.partition(".lora_")[0]
        }

    monkeypatch.setattr(kind, "lora_state_dict", forgetful)
    refused(pipe, good, tmp_path, r"would drop 2 of 12 keys, such as lora_unet_")

    def weak(tensors: dict[str, Any], **options: Any) -> Any:
        kept = {key: value for key, value in tensors.items() if not key.endswith("alpha")}
        return own(kept, **options)

    monkeypatch.setattr(kind, "lora_state_dict", weak)
    refused(pipe, good, tmp_path, r"has alphas that diffusers' loader would drop, at 4 of 4 layers")
