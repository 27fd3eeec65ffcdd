"""Every layout loads to the output of the directly adapted model, and leaves nothing behind."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from spatialbench.errors import UserError
from spatialbench.methods.lora.adaptation import adapt
from spatialbench.methods.lora.layers import layers_of
from spatialbench.methods.lora.lora_file import find_lora, read_lora
from tests.hub_server import Hub
from tests.methods.lora.lora_files import (
    ATTENTION,
    Pair,
    assert_same_bits,
    bits,
    change_json,
    fused,
    kohya,
    merge,
    old_diffusers,
    random_lora,
    save_by_diffusers,
    save_by_peft,
    small_unet,
    write,
    xlabs,
)
from tests.tiny_models import clip_text, tiny_flux_transformer, word_tokenizer


@pytest.fixture(scope="module")
def unet() -> Any:
    return small_unet()


@pytest.fixture(scope="module")
def text() -> Any:
    return clip_text(word_tokenizer(), 32)


@pytest.fixture(scope="module")
def flux() -> Any:
    return tiny_flux_transformer()


def unet_output(unet: Any) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    width = unet.config.cross_attention_dim
    with torch.no_grad():
        return unet.eval()(
            torch.randn(1, 4, 8, 8, generator=generator),
            500,
            torch.randn(1, 6, width, generator=generator),
        ).sample


def flux_output(transformer: Any) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    config = transformer.config
    with torch.no_grad():
        return transformer.eval()(
            hidden_states=torch.randn(1, 9, config.in_channels, generator=generator),
            encoder_hidden_states=torch.randn(
                1, 5, config.joint_attention_dim, generator=generator
            ),
            pooled_projections=torch.randn(1, config.pooled_projection_dim, generator=generator),
            timestep=torch.tensor([0.5]),
            img_ids=torch.zeros(9, 3),
            txt_ids=torch.zeros(5, 3),
            guidance=torch.tensor([3.5]),
        ).sample


def text_output(model: Any) -> torch.Tensor:
    with torch.no_grad():
        return model.eval()(torch.arange(6)[None]).last_hidden_state


def check(
    source: Path,
    models: dict[str, Any],
    part: str,
    output: Callable[[Any], torch.Tensor],
    pairs: dict[str, Pair],
    matrices: int | None = None,
) -> None:
    """The loaded LoRA, the directly adapted model, and the base before and after."""
    model = models[part]
    before = bits(model)
    plain = output(model)
    expected = output(merge(copy.deepcopy(model), pairs))
    assert (plain - expected).abs().max() > 1e-2, "a LoRA without effect would equal anything"
    done = adapt(models, layers_of(read_lora(find_lora(str(source))), models))
    try:
        assert done.tensors == 2 * len(pairs) if matrices is None else matrices
        torch.testing.assert_close(output(model), expected, atol=1e-5, rtol=1e-5)
    finally:
        done.remove()
    assert_same_bits(model, before)
    assert torch.equal(output(model), plain)
    assert not hasattr(model, "peft_config")


@pytest.mark.parametrize("varied", [False, True])
def test_peft_folder(unet: Any, tmp_path: Path, varied: bool) -> None:
    pairs = random_lora(unet, varied=varied)
    live = copy.deepcopy(unet)
    folder = save_by_peft(live, pairs, tmp_path / "peft")
    torch.testing.assert_close(
        unet_output(live), unet_output(merge(copy.deepcopy(unet), pairs)), atol=1e-5, rtol=1e-5
    )
    check(folder, {"unet": unet}, "unet", unet_output, pairs)


def test_diffusers_file_with_alpha_in_its_header(unet: Any, text: Any, tmp_path: Path) -> None:
    pairs = random_lora(unet)
    folder = save_by_diffusers(pairs, tmp_path)
    models = {"unet": unet, "text_encoder": text}
    check(folder, models, "unet", unet_output, pairs)


def test_diffusers_own_loader_agrees(unet: Any, tmp_path: Path) -> None:
    pairs = random_lora(unet)
    folder = save_by_diffusers(pairs, tmp_path)
    done = adapt({"unet": unet}, layers_of(read_lora(find_lora(str(folder))), {"unet": unet}))
    ours = unet_output(unet)
    done.remove()
    unet.load_lora_adapter(folder, weight_name="pytorch_lora_weights.safetensors", prefix="unet")
    theirs = unet_output(unet)
    unet.unload_lora()
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-6)


def test_old_diffusers_file_means_alpha_equal_to_rank(unet: Any, tmp_path: Path) -> None:
    pairs = {n: Pair(p.down, p.up, 4.0) for n, p in random_lora(unet).items()}
    file = write(tmp_path / "old.safetensors", old_diffusers(pairs))
    check(file, {"unet": unet}, "unet", unet_output, pairs)


def test_kohya_names_with_an_alpha_and_a_rank_a_module(unet: Any, tmp_path: Path) -> None:
    pairs = random_lora(unet, (*ATTENTION, "net.0.proj", "net.2"), varied=True)
    file = write(tmp_path / "kohya.safetensors", kohya(pairs))
    check(file, {"unet": unet}, "unet", unet_output, pairs)


def test_kohya_text_encoder(unet: Any, text: Any, tmp_path: Path) -> None:
    pairs = random_lora(text, ("q_proj", "out_proj", "fc1"))
    theirs = {f"text_model.{name.removeprefix('text_model.')}": p for name, p in pairs.items()}
    file = write(tmp_path / "kohya.safetensors", kohya(theirs, "lora_te_"))
    models = {"unet": unet, "text_encoder": text}
    check(file, models, "text_encoder", text_output, pairs)


def sgm_name(name: str, layers: int) -> str:
    """diffusers' block names as SDXL's original code counts them."""
    kind, block, rest = name.split(".", 2)
    if kind == "mid_block":
        _, layer, rest = f"{block}.{rest}".split(".", 2)
        return f"middle_block.1.{rest}"
    what, layer, rest = rest.split(".", 2)
    assert what == "attentions"
    if kind == "down_blocks":
        return f"input_blocks.{int(block) * (layers + 1) + int(layer) + 1}.1.{rest}"
    return f"output_blocks.{int(block) * (layers + 1) + int(layer)}.1.{rest}"


def test_kohya_with_the_original_names_of_sdxl(unet: Any, tmp_path: Path) -> None:
    pairs = random_lora(unet)
    theirs = {sgm_name(name, unet.config.layers_per_block): p for name, p in pairs.items()}
    file = write(tmp_path / "kohya.safetensors", kohya(theirs))
    check(file, {"unet": unet}, "unet", unet_output, pairs)


def test_xlabs_names(flux: Any, tmp_path: Path) -> None:
    tensors, meant = xlabs(flux)
    file = write(tmp_path / "lora.safetensors", tensors)
    check(file, {"transformer": flux}, "transformer", flux_output, meant)


def test_kohya_names_of_flux(flux: Any, tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(6)
    width = flux.config.num_attention_heads * flux.config.attention_head_dim
    pair = Pair(
        torch.randn(4, width, generator=generator) / 4,
        torch.randn(3 * width, 4, generator=generator) / 4,
    )
    meant = fused(pair, flux, [f"transformer_blocks.0.attn.to_{x}" for x in "qkv"])
    file = write(tmp_path / "f.safetensors", kohya({"double_blocks.0.img_attn.qkv": pair}))
    check(file, {"transformer": flux}, "transformer", flux_output, meant)


def test_rank_stabilised_scaling(unet: Any, tmp_path: Path) -> None:
    pairs = random_lora(unet)
    folder = save_by_peft(copy.deepcopy(unet), pairs, tmp_path)
    change_json(folder / "adapter_config.json", use_rslora=True)
    doubled = {n: Pair(p.down, p.up, 2 * p.alpha) for n, p in pairs.items()}  # sqrt of rank 4
    check(folder, {"unet": unet}, "unet", unet_output, doubled)


def refuse(unet: Any, source: Path, match: str) -> None:
    models = {"unet": unet}
    before = unet_output(unet)
    with pytest.raises(UserError, match=match):
        adapt(models, layers_of(read_lora(find_lora(str(source))), models, source.name))
    assert torch.equal(unet_output(unet), before)


def test_keys_that_match_nothing(unet: Any, tmp_path: Path) -> None:
    pair = Pair(torch.ones(2, 8), torch.ones(8, 2))
    strange = {"lora_unet_blocks_9_to_q": pair}
    file = write(tmp_path / "a.safetensors", kohya(strange, prefix=""))
    refuse(unet, file, r"0 of 3 keys match this backbone and 3 do not, such as lora_unet_blocks_9")


def test_keys_that_match_in_part(unet: Any, tmp_path: Path) -> None:
    tensors = kohya(random_lora(unet)) | {"something.else": torch.ones(2)}
    total = len(tensors)
    file = write(tmp_path / "a.safetensors", tensors)
    refuse(unet, file, rf"{total - 1} of {total} keys match .* something\.else.*Nothing was loaded")


def test_another_architecture(unet: Any, tmp_path: Path) -> None:
    pairs = random_lora(unet)
    name = next(n for n in pairs if "attn2.to_k" in n)
    wider = {name: Pair(torch.ones(4, 48), pairs[name].up)}
    file = write(tmp_path / "a.safetensors", kohya(wider))
    refuse(unet, file, "maps 48 numbers to 16, and this backbone maps 32 to 16")


def test_ranks_that_do_not_agree(unet: Any, tmp_path: Path) -> None:
    pairs = random_lora(unet)
    name, pair = next(iter(pairs.items()))
    torn = {name: Pair(pair.down[:3], pair.up)}
    refuse(unet, write(tmp_path / "a.safetensors", kohya(torn)), "the ranks differ")
    folder = save_by_peft(copy.deepcopy(unet), pairs, tmp_path / "peft")
    change_json(folder / "adapter_config.json", r=8)
    refuse(unet, folder, "has rank 4 .* its configuration says 8")
    change_json(folder / "adapter_config.json", r=4, lora_alpha="many")
    refuse(unet, folder, "the rank or alpha of .* is not a number")
    change_json(folder / "adapter_config.json", lora_alpha=4, alpha_pattern={"(": 3})
    refuse(unet, folder, "the rank or alpha of .* is not a number")


@pytest.mark.parametrize(
    ("tensors", "match"),
    [
        ({"x.lora_A.weight": torch.full((2, 2), torch.nan)}, "NaN or infinite"),
        ({"x.lora_magnitude_vector": torch.ones(2)}, "DoRA adapter"),
        ({"lora_unet_x.hada_w1_a": torch.ones(2)}, "LoHa adapter"),
    ],
)
def test_other_contents(unet: Any, tmp_path: Path, tensors: dict[str, Any], match: str) -> None:
    refuse(unet, write(tmp_path / "a.safetensors", tensors), match)


def test_half_a_pair(unet: Any, tmp_path: Path) -> None:
    tensors = {k: v for k, v in kohya(random_lora(unet)).items() if "lora_up" not in k}
    refuse(unet, write(tmp_path / "a.safetensors", tensors), "needs both of its matrices")


def test_files_that_are_no_lora(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"there is no LoRA .*--set lora=FILE"):
        find_lora(str(tmp_path / "none.safetensors"))
    with pytest.raises(UserError, match="is not pinned"):
        find_lora("someone/lora")
    with pytest.raises(UserError, match="holds no LoRA"):
        find_lora(str(tmp_path))
    (tmp_path / "weights.bin").write_bytes(b"x")
    with pytest.raises(UserError, match="only pickled weights"):
        find_lora(str(tmp_path))
    with pytest.raises(UserError, match="pickled, and reading it can run code"):
        find_lora(str(tmp_path / "weights.bin"))
    torn = tmp_path / "torn.safetensors"
    torn.write_bytes(b"not one")
    with pytest.raises(UserError, match="not a readable safetensors file"):
        read_lora(find_lora(str(tmp_path)))
    write(tmp_path / "second.safetensors", {"a": torch.ones(1)})
    with pytest.raises(UserError, match=r"2 \.safetensors files .* --set file="):
        find_lora(str(tmp_path))
    assert find_lora(str(tmp_path), "second.safetensors").path.name == "second.safetensors"


def test_a_repository_of_a_whole_model_is_not_downloaded_as_a_lora(
    hub: Hub, unet: Any, tmp_path: Path
) -> None:
    whole = {"model_index.json": b"{}", "unet/diffusion_pytorch_model.safetensors": b"x" * 1000}
    commit = hub.put("org/model", whole)
    with pytest.raises(UserError, match=f"holds a whole pipeline .*--backbone org/model@{commit}"):
        find_lora(f"org/model@{commit}")
    assert hub.files_asked() == []
    content = write(tmp_path / "lora.safetensors", kohya(random_lora(unet))).read_bytes()
    commit = hub.put("org/lora", {"lora.safetensors": content, "image.png": b"x"})
    assert find_lora(f"org/lora@{commit}").path.read_bytes() == content
    assert hub.files_asked() == ["lora.safetensors"]
