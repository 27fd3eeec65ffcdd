"""The grounding loss and the written-out attention, against hand-made maps and diffusers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from spatialbench.lab.models import TEXT_WIDTH, build_unet
from spatialbench.lab.tokenizer import MAX_TOKENS, build_tokenizer
from spatialbench.lab.training.grounding import (
    grounding_loss,
    object_mask,
    record_decoder,
    token_mask,
)
from spatialbench.lab.world import Scene, draw, scene_of
from spatialbench.relations import Relation


def _scene(names: list[str]) -> Scene:
    return scene_of(np.random.default_rng(1), names, Relation.LEFT, Relation.LEFT)


def test_every_word_of_a_name_counts_once() -> None:
    tokenizer = build_tokenizer()
    scene = _scene(["teddy bear", "bear"])
    ids = tokenizer([scene.caption], padding="max_length", return_tensors="pt").input_ids
    mask = token_mask([scene], ids, tokenizer)[0]
    words = tokenizer.convert_ids_to_tokens(ids[0].tolist())
    assert [words[int(k)] for k in mask[0].nonzero().flatten()] == ["teddy", "bear"]
    second = mask[1].nonzero().flatten().tolist()
    assert len(second) == 1
    assert second[0] > int(mask[0].nonzero().max())
    assert mask.sum(-1).tolist() == pytest.approx([1.0, 1.0])


def test_an_empty_caption_grounds_nothing() -> None:
    tokenizer = build_tokenizer()
    scene = _scene(["dog", "cat"])
    ids = tokenizer([""], padding="max_length", return_tensors="pt").input_ids
    tokens = token_mask([scene], ids, tokenizer)
    assert tokens.sum() == 0
    maps = [torch.full((1, 64, MAX_TOKENS), 1 / MAX_TOKENS)]
    assert grounding_loss(maps, tokens, [draw(scene)]) == 0


def test_the_loss_is_the_squared_share_outside_the_object() -> None:
    tokenizer = build_tokenizer()
    scene = _scene(["dog", "cat"])
    drawing = draw(scene)
    ids = tokenizer([scene.caption], padding="max_length", return_tensors="pt").input_ids
    tokens = token_mask([scene], ids, tokenizer)
    inside = object_mask([drawing], 8)[0]
    uniform = torch.full((1, 64, MAX_TOKENS), 1 / MAX_TOKENS)
    by_hand = ((1 - inside.sum(-1) / 64) ** 2).mean()
    assert grounding_loss([uniform], tokens, [drawing]) == pytest.approx(float(by_hand))
    perfect = torch.zeros(1, 64, MAX_TOKENS)
    for k in range(2):
        perfect[0, :, tokens[0, k].argmax()] = inside[k]
    assert grounding_loss([perfect], tokens, [drawing]) == pytest.approx(0.0)


def test_written_out_attention_is_diffusers_attention() -> None:
    torch.manual_seed(0)
    unet = build_unet().eval()
    z, text = torch.randn(2, 4, 16, 16), torch.randn(2, MAX_TOKENS, TEXT_WIDTH)
    with torch.no_grad():
        expected = unet(z, 500, text).sample
        maps: list[torch.Tensor] = []
        record_decoder(unet, maps)
        found = unet(z, 500, text).sample
    assert torch.allclose(found, expected, atol=1e-5)
    assert [m.shape for m in maps] == [(2, 64, MAX_TOKENS)] * 2 + [(2, 256, MAX_TOKENS)] * 2
    assert torch.allclose(maps[0].sum(-1), torch.ones(2, 64), atol=1e-5)
