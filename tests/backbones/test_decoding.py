"""From latents to images: the stock pipeline's levels, and half a batch where memory runs out."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest
import torch

from spatialbench.backbones.decoding import decode, decoder_pieces
from spatialbench.errors import UserError
from spatialbench.plugins import ImageRequest
from spatialbench.prompts import Prompt
from tests.tiny_models import tiny_sd

REQUESTS = [ImageRequest(Prompt("7", "a dog", "left"), k, 42 + k) for k in range(4)]


@pytest.fixture(scope="module")
def pipe() -> Any:
    return tiny_sd()


def latents_of(pipe: Any, count: int = 4) -> torch.Tensor:
    side = pipe.unet.config.sample_size
    generator = torch.Generator().manual_seed(3)
    return torch.randn(count, 4, side, side, generator=generator)


def test_levels_are_those_of_the_stock_image_processor(pipe: Any) -> None:
    latents = latents_of(pipe)
    with torch.no_grad():
        pixels = pipe.vae.decode(latents / pipe.vae.config.scaling_factor, return_dict=False)[0]
    # Far and fine enough that rounding, clamping and ties all happen.
    stock = pipe.image_processor.postprocess(pixels, output_type="pil")
    found = decode(pipe, latents, REQUESTS)
    assert [np.asarray(one).tobytes() for one in found] == [
        np.asarray(one).tobytes() for one in stock
    ]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_every_level_and_every_tie(pipe: Any, dtype: torch.dtype) -> None:
    from spatialbench.backbones.decoding import _images

    wide = torch.linspace(-1.1, 1.1, 3 * 64 * 64).view(1, 3, 64, 64)
    ties = ((torch.arange(3 * 64 * 64) % 511) / 2 / 255 * 2 - 1).view(1, 3, 64, 64)
    pixels = torch.cat([wide, ties]).to(dtype)
    stock = pipe.image_processor.postprocess(pixels, output_type="pil")
    assert all(
        np.array_equal(np.asarray(one), np.asarray(other))
        for one, other in zip(_images(pipe, pixels), stock, strict=True)
    )


def test_the_decoder_alone_is_given_less_where_memory_runs_out(
    pipe: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    latents = latents_of(pipe)
    whole = decode(pipe, latents, REQUESTS)
    stock, sizes = pipe.vae.decode, list[int]()

    def cramped(z: torch.Tensor, **options: Any) -> Any:
        sizes.append(len(z))
        if len(z) > 2:
            raise RuntimeError("CUDA out of memory: a decoder")
        return stock(z, **options)

    monkeypatch.setattr(pipe.vae, "decode", cramped)
    pieces = decoder_pieces()
    with caplog.at_level(logging.WARNING):
        found = decode(pipe, latents, REQUESTS, pieces)
    assert sizes == [4, 2, 2]
    assert caplog.messages == [
        "out of memory when decoding 4 images at a time: going on with 2 at a time there."
    ]
    # Another batch size rounds otherwise: by a level at most, in few places.
    differences = np.abs(
        np.asarray([np.asarray(one, int) for one in found]) - [np.asarray(one) for one in whole]
    )
    assert differences.max() <= 1
    decode(pipe, latents, REQUESTS, pieces)
    assert sizes[3:] == [2, 2]


def test_one_image_that_cannot_be_decoded(pipe: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(z: torch.Tensor, **options: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(pipe.vae, "decode", none)
    with pytest.raises(UserError, match="out of memory with a single image"):
        decode(pipe, latents_of(pipe), REQUESTS)
