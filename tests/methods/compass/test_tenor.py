"""TENOR against its formulas, layer by layer, and its refusal to share a layer."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from spatialbench.errors import UserError
from spatialbench.guidance.maps_at_level import modules_at_level
from spatialbench.guidance.taps import tapped
from spatialbench.methods.attend_and_excite import PLUGIN as EXCITE
from spatialbench.methods.compass.tenor import encoding, install_tenor
from spatialbench.methods.infsplign.layers import find_taps
from tests.methods.compass.sinusoids import sinusoid
from tests.tiny_models import sharpened, tiny_flux_transformer, tiny_sd

LAYER = "up_blocks.1.attentions.0.transformer_blocks.0.attn2"


def test_the_sinusoids() -> None:
    torch.testing.assert_close(encoding(torch.zeros(2, 7, 12)), sinusoid(7, 12))
    assert encoding(torch.zeros(1, 77, 768, dtype=torch.bfloat16)).dtype is torch.bfloat16


def watched(module: Any, names: tuple[str, ...]) -> tuple[dict[str, torch.Tensor], list[Any]]:
    seen: dict[str, torch.Tensor] = {}
    hooks = [
        getattr(module, name).register_forward_hook(
            lambda _m, _i, output, name=name: seen.__setitem__(name, output)
        )
        for name in names
    ]
    return seen, hooks


def test_keys_values_and_queries_of_one_layer_equal_the_formulas() -> None:
    pipe = sharpened(tiny_sd())
    attention = pipe.unet.get_submodule(LAYER)
    image, text = torch.randn(2, 16, 32), torch.randn(2, 16, 32)
    before = attention(image, encoder_hidden_states=text)
    assert install_tenor(pipe.unet) == sum(
        n.endswith("attn2") for n, _ in pipe.unet.named_modules()
    )
    seen, hooks = watched(attention, ("to_q", "to_k", "to_v"))
    with torch.no_grad():
        output = attention(image, encoder_hidden_states=text)
    for hook in hooks:
        hook.remove()
    w = {name: getattr(attention, name).weight for name in ("to_q", "to_k", "to_v")}
    ordered = text + sinusoid(16, 32)
    torch.testing.assert_close(seen["to_q"], image @ w["to_q"].T)
    torch.testing.assert_close(seen["to_k"], ordered @ w["to_k"].T)
    torch.testing.assert_close(seen["to_v"], text @ w["to_v"].T)
    heads = attention.heads
    q, k, v = (seen[n].view(2, 16, heads, -1).transpose(1, 2) for n in ("to_q", "to_k", "to_v"))
    weights = (q @ k.transpose(2, 3) / math.sqrt(q.shape[-1])).softmax(-1)
    mixed = (weights @ v).transpose(1, 2).reshape(2, 16, -1)
    expected = attention.to_out[0](mixed)
    torch.testing.assert_close(output, expected)
    assert (output - before).abs().max() > 0.01


def test_self_attention_and_the_rest_of_the_unet_are_untouched() -> None:
    unet = tiny_sd().unet
    before = dict(unet.attn_processors)
    install_tenor(unet)
    for name, processor in unet.attn_processors.items():
        assert (processor is before[name]) == ("attn1" in name)


def test_the_unconditional_half_gets_it_too(sample: Any, mixed: Any) -> None:
    pipe = sharpened(tiny_sd())
    install_tenor(pipe.unet)
    seen, hooks = watched(pipe.unet.get_submodule(LAYER), ("to_k",))
    sample(pipe, mixed[:1], [1], num_inference_steps=1)
    for hook in hooks:
        hook.remove()
    texts = pipe.encode_prompt(mixed[0].text, "cpu", 1, True)
    both = torch.cat([texts[1], texts[0]])
    weight = pipe.unet.get_submodule(LAYER).to_k.weight
    torch.testing.assert_close(seen["to_k"], (both + sinusoid(16, 32)) @ weight.T)


def test_double_blocks_of_flux_equal_the_formulas() -> None:
    flux = tiny_flux_transformer().eval()
    single = flux.single_transformer_blocks[0].attn.processor
    attention = flux.transformer_blocks[0].attn
    image, text = torch.randn(1, 4, 32), torch.randn(1, 5, 32)
    stock = attention(hidden_states=image, encoder_hidden_states=text)
    assert install_tenor(flux) == 2
    assert flux.single_transformer_blocks[0].attn.processor is single
    names = ("add_q_proj", "add_k_proj", "add_v_proj", "to_q", "to_k", "to_v")
    seen, hooks = watched(attention, names)
    with torch.no_grad():
        output = attention(hidden_states=image, encoder_hidden_states=text)
    for hook in hooks:
        hook.remove()
    ordered = text + sinusoid(5, 32)
    for name, given in zip(names, (ordered, ordered, text, image, image, image), strict=True):
        torch.testing.assert_close(seen[name], getattr(attention, name)(given))

    # Without the sinusoids it is the stock attention: only Q and K of the text differ.
    class Still:
        def __getattr__(self, name: str) -> Any:
            return getattr(attention, name)

        def add_q_proj(self, x: torch.Tensor) -> Any:
            return attention.add_q_proj(x - sinusoid(5, 32))

        def add_k_proj(self, x: torch.Tensor) -> Any:
            return attention.add_k_proj(x - sinusoid(5, 32))

    again = attention.processor(Still(), image, text)
    for one, other, wanted in zip(again, output, stock, strict=True):
        torch.testing.assert_close(one, wanted)
        assert (other - wanted).abs().max() > 1e-3


def test_methods_refuse_each_others_attention(mixed: Any) -> None:
    pipe = tiny_sd()
    install_tenor(pipe.unet)
    reason = r"computed by compass \(TENOR\) \(TenorProcessor\), so another method already changes"
    with pytest.raises(UserError, match=reason + r".*; infsplign needs the backbone's own"):
        find_taps(pipe.unet, "both")
    with pytest.raises(UserError, match=reason + r".*; attend-and-excite needs"):
        modules_at_level(pipe.unet, 2, EXCITE.name)
    with pytest.raises(UserError, match=reason + r".*; compass \(TENOR\) needs"):
        install_tenor(pipe.unet)
    other = tiny_sd().unet
    modules = modules_at_level(other, 2, "storm-corrected")
    with (
        tapped(modules, lambda p: p),
        pytest.raises(UserError, match=r"computed by TapProcessor.*; compass \(TENOR\) needs"),
    ):
        install_tenor(other)
    assert all(type(p).__name__ == "AttnProcessor2_0" for p in other.attn_processors.values())
