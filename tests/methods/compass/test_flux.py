"""CoMPaSS on FLUX: its LoRA and TENOR in the blocks the LoRA adapts, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from spatialbench.backbones.named import resolve
from spatialbench.backbones.pipelines import load_pipeline
from spatialbench.errors import UserError
from spatialbench.methods.compass import COMPASS, TENOR, WITHOUT_TENOR
from spatialbench.methods.lora import PLUGIN as LORA
from spatialbench.methods.lora.layers import layers_of
from spatialbench.methods.lora.lora_file import LoraContent
from spatialbench.methods.stable_diffusion import PLUGIN as SD
from spatialbench.plugins import GenerationSettings, ImageRequest
from spatialbench.prompts import Prompt
from tests.methods.batches import assert_same_but_for_rounding
from tests.methods.compass.sinusoids import sinusoid
from tests.methods.lora.lora_files import Pair, write, xlabs
from tests.tiny_models import tiny_flux_transformer

REQUESTS = [
    ImageRequest(Prompt(str(i), f"a dog {phrase} a cat", phrase), 0, 42 + i)
    for i, phrase in enumerate(("above", "to the left of"))
]


@pytest.fixture(scope="module")
def lora(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Pair]]:
    """The authors' layout: XLabs' names, here for the first of two double blocks."""
    tensors, meant = xlabs(tiny_flux_transformer(), double=1)
    return write(tmp_path_factory.mktemp("compass") / "lora.safetensors", tensors), meant


def tiny(folder: Path) -> GenerationSettings:
    return GenerationSettings(backbone=str(folder), steps=2, height=32, width=32)


def configured(plugin: Any, folder: Path, **given: Any) -> Any:
    return plugin.configure(tiny(folder), given)


def pixels(generator: Any, count: int = 1) -> np.ndarray:
    return np.stack([np.asarray(p, int) for p in generator.generate(REQUESTS[:count])])


def watched(module: Any, names: tuple[str, ...]) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """What these projections are given and answer, at the latest call."""
    seen: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
    for name in names:

        def keep(_: Any, given: Any, answer: Any, name: str = name) -> None:
            seen[name] = (given[0], answer)

        getattr(module, name).register_forward_hook(keep)
    return seen


def test_queries_keys_and_values_are_the_formulas(
    flux_folder: Path, lora: tuple[Path, dict[str, Pair]]
) -> None:
    """In the block with the LoRA; a block without one, and the image's own, are as stock."""
    file, pairs = lora
    weights = {
        name: (module.weight.clone(), module.bias.clone())
        for name, module in load_pipeline(resolve(str(flux_folder))).transformer.named_modules()
        if isinstance(module, torch.nn.Linear) and module.bias is not None
    }
    generator = configured(COMPASS, flux_folder, lora=str(file))
    generator.load()
    blocks = generator.pipe.transformer.transformer_blocks
    texts: list[torch.Tensor] = []
    blocks[0].attn.register_forward_pre_hook(
        lambda _, args, kwargs: texts.append(kwargs["encoder_hidden_states"]), with_kwargs=True
    )
    names = ("add_q_proj", "add_k_proj", "add_v_proj", "to_q", "to_k", "to_v")
    adapted, stock = (watched(block.attn, names) for block in blocks)
    generator.generate(REQUESTS[:1])
    text = texts[-1]
    ordered = text + sinusoid(*text.shape[1:])
    assert (ordered - text).abs().max() > 0.5
    for name, given in zip(names, (ordered, ordered, text), strict=False):
        weight, bias = weights[f"transformer_blocks.0.attn.{name}"]
        pair = pairs[f"transformer_blocks.0.attn.{name}"]
        expected = F.linear(given, weight + pair.change, bias)
        torch.testing.assert_close(adapted[name][1], expected, atol=1e-5, rtol=1e-5)
    made = [adapted[name][0] for name in names[3:]]
    assert all(torch.equal(made[0], other) for other in made)
    others = [stock[name][0] for name in names[:3]]
    assert all(torch.equal(others[0], other) for other in others)


def test_weights_and_tenor_each_change_the_image(
    flux_folder: Path, lora: tuple[Path, dict[str, Pair]]
) -> None:
    file = str(lora[0])
    both = pixels(configured(COMPASS, flux_folder, lora=file), 2)
    plainly = {"true_cfg": 1, "shift_length": 0, "lora": file}
    weights = pixels(configured(WITHOUT_TENOR, flux_folder, **plainly))
    order = pixels(configured(TENOR, flux_folder))
    stock = pixels(configured(SD, flux_folder))
    assert len({image[0].tobytes() for image in (both, weights, order, stock)}) == 4
    as_told = replace(tiny(flux_folder), guidance_scale=4.0)
    plain = LORA.configure(as_told, {"lora": file})
    np.testing.assert_array_equal(weights, pixels(plain))
    alone = pixels(configured(COMPASS, flux_folder, lora=file))
    assert np.abs(alone[0] - both[0]).max() <= 1, "batch mates change nothing"


def test_it_is_diffusers_pipeline_called_as_the_authors_call_theirs(
    flux_folder: Path, lora: tuple[Path, dict[str, Pair]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The LoRA added to the weights, and 0.459 as the schedule's shift, which is set by hand."""
    from diffusers import FluxPipeline
    from diffusers.pipelines.flux import pipeline_flux

    pipe = FluxPipeline.from_pretrained(flux_folder)
    pipe.set_progress_bar_config(disable=True)
    for name, pair in lora[1].items():
        pipe.transformer.get_submodule(name).weight.data += pair.change
    assert pipe.scheduler.config.use_dynamic_shifting
    own = pipeline_flux.calculate_shift
    shifts: list[float] = []

    def by_hand(*given: float) -> float:
        shifts.append(own(*given))
        return 0.459375

    def stock(**options: Any) -> np.ndarray:
        call: dict[str, Any] = {"num_inference_steps": 4, "height": 32, "width": 32}
        call |= {"guidance_scale": 4.0, "negative_prompt": "", "true_cfg_scale": 3.0, **options}
        generator = torch.Generator().manual_seed(REQUESTS[0].seed)
        with monkeypatch.context() as patch:
            patch.setattr(pipeline_flux, "calculate_shift", by_hand)
            image = pipe(REQUESTS[0].prompt.text, generator=generator, **call).images[0]
        return np.asarray(image, int)

    settings = replace(tiny(flux_folder), steps=4)
    ours = WITHOUT_TENOR.configure(settings, {"lora": str(lora[0])})
    image = pixels(ours)[0]
    assert_same_but_for_rounding(image, stock())
    assert shifts[0] != pytest.approx(0.459375), "a shift that changes nothing would test nothing"
    for other in ({"true_cfg_scale": 1.0}, {"guidance_scale": 1.0}):
        assert np.abs(image - stock(**other)).max() > 1
    config = ours.pipe.scheduler.config
    for patches in (4, 1024):
        assert own(patches, 256, 4096, config["base_shift"], config["max_shift"]) == pytest.approx(
            0.459375
        )


def released_layout() -> dict[str, torch.Tensor]:
    """Names and shapes of the authors' file: rank 16, all double blocks, single blocks 1 to 4.

    Their sizes, 3072 and a feed-forward of four times that, give the 52.7 MB of the file.
    """
    width, rank = 3072, 16
    tensors = {}

    def add(name: str, columns: int, rows: int) -> None:
        tensors[f"{name}.down.weight"] = torch.zeros(rank, columns)
        tensors[f"{name}.up.weight"] = torch.zeros(rows, rank)

    for i in range(19):
        for side in "12":
            add(f"double_blocks.{i}.processor.qkv_lora{side}", width, 3 * width)
            add(f"double_blocks.{i}.processor.proj_lora{side}", width, width)
    for i in range(1, 5):
        add(f"single_blocks.{i}.processor.qkv_lora", width, 3 * width)
        add(f"single_blocks.{i}.processor.proj_lora", 5 * width, width)
    return tensors


def test_every_key_of_the_released_layout_fits_flux_as_it_is() -> None:
    from diffusers import FluxTransformer2DModel

    tensors = released_layout()
    assert round(sum(4 * value.numel() for value in tensors.values()) / 1e6, 1) == 52.7
    with torch.device("meta"):
        flux = FluxTransformer2DModel(guidance_embeds=True)
    layers = layers_of(LoraContent(tensors), {"transformer": flux})
    names = {layer.module for layer in layers}
    assert len(layers) == len(names) == 19 * 8 + 4 * 4
    assert {f"transformer_blocks.{i}.attn.add_q_proj" for i in range(19)} < names
    assert {f"single_transformer_blocks.{i}.proj_out" for i in range(1, 5)} < names


def test_identity_and_the_training_size(
    flux_folder: Path, lora: tuple[Path, dict[str, Pair]]
) -> None:
    settings = GenerationSettings(backbone="flux1-dev")
    given = {"lora": str(lora[0])}
    both = COMPASS.configure(settings, given).identity()
    alone = WITHOUT_TENOR.configure(settings, given).identity()
    assert (both["method"], both["tenor"]) == ("compass", True)
    assert (alone["method"], alone["tenor"]) == ("compass-without-tenor", False)
    assert both["lora"] == alone["lora"]
    plain = {"negative_prompt": "", "eta": 0.0}
    assert both["parameters"] == {**plain, "true_cfg": 3.0, "shift_length": 16}
    assert (both["width"], both["height"]) == (512, 512)
    assert (both["steps"], both["guidance_scale"], both["version"]) == (50, 4.0, 2)
    other = COMPASS.configure(
        replace(settings, steps=28, guidance_scale=3.5), {**given, "true_cfg": 1, "shift_length": 0}
    ).identity()
    assert (other["steps"], other["guidance_scale"]) == (28, 3.5)
    assert other["parameters"] == {**plain, "true_cfg": 1.0, "shift_length": 0}
    order = TENOR.configure(settings, {}).identity()
    assert (order["steps"], order["guidance_scale"], order["version"]) == (28, 3.5, 1)
    assert order["parameters"] == plain
    schnell = COMPASS.configure(GenerationSettings(backbone="flux1-schnell"), given).identity()
    assert (schnell["steps"], schnell["guidance_scale"], schnell["version"]) == (4, 0.0, 1)
    assert schnell["parameters"] == plain
    assert TENOR.configure(settings, {}).identity()["width"] == 1024


@pytest.mark.parametrize(
    ("backbone", "given", "message"),
    [
        ("flux1-dev", {}, r"on FLUX is a LoRA: give --set lora=blurgy/CoMPaSS-FLUX\.1@<40-hex"),
        ("flux1-dev", {"unet": "x", "lora": "y"}, "neither unet nor subfolder"),
        ("flux1-dev", {"lora": "nowhere"}, "there is no LoRA 'nowhere'"),
        ("sd1.4", {"lora": "x"}, "compass on sd1.4 is a whole UNet.* --method lora"),
        ("sd1.4", {"true_cfg": 3}, "true_cfg is for compass on FLUX.1-dev and has no effect on sd"),
        ("flux1-schnell", {"shift_length": 9, "lora": "x"}, "has no effect on flux1-schnell"),
        ("flux1-dev", {"true_cfg": 0.5, "lora": "x"}, "true_cfg=0.5 is out of range"),
        ("flux1-dev", {"shift_length": -1, "lora": "x"}, "shift_length=-1 is out of range"),
        ("flux1-dev", {"negative_prompt": "x", "lora": "y"}, "leads away from the empty prompt"),
    ],
)
def test_refusals(backbone: str, given: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        COMPASS.configure(GenerationSettings(backbone=backbone), given)


def test_a_lora_without_double_blocks(
    flux_folder: Path, lora: tuple[Path, dict[str, Pair]], tmp_path: Path
) -> None:
    tensors, _ = xlabs(tiny_flux_transformer(), double=0)
    file = write(tmp_path / "single.safetensors", tensors)
    with pytest.raises(UserError, match=r"adapts no double block .* --method lora"):
        configured(COMPASS, flux_folder, lora=str(file)).load()
