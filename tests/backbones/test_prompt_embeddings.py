"""Embeddings: the stock pipeline's own, each distinct prompt encoded once and alone."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from spatialbench.backbones.named import resolve
from spatialbench.backbones.pipelines import load_pipeline
from spatialbench.backbones.prompt_embeddings import PromptEncoder

TEXTS = ("a dog to the left of a cat", "a car", "a dog to the left of a cat")


def counting(pipe: Any) -> list[int]:
    """Batch sizes of every call of the text encoder from now on."""
    sizes: list[int] = []
    pipe.text_encoder.register_forward_pre_hook(lambda _, args: sizes.append(len(args[0])))
    return sizes


@pytest.mark.parametrize("kind", ["sd_folder", "sdxl_folder"])
@pytest.mark.parametrize("negative", [None, "a cat"])
def test_equal_to_the_pipelines_own(
    kind: str, negative: str | None, request: pytest.FixtureRequest
) -> None:
    import torch

    pipe = load_pipeline(resolve(str(request.getfixturevalue(kind))))
    batch = PromptEncoder(pipe, negative).batch(TEXTS, guided=True)
    for i, text in enumerate(TEXTS):
        with torch.no_grad():
            expected = pipe.encode_prompt(
                prompt=text,
                device="cpu",
                num_images_per_prompt=1,
                do_classifier_free_guidance=True,
                negative_prompt=negative,
            )
        ours = [value[i : i + 1] for value in batch.arguments().values()]
        assert len(ours) == len(expected) == (4 if kind == "sdxl_folder" else 2)
        assert all(torch.equal(a, b) for a, b in zip(ours, expected, strict=True))


def test_each_distinct_prompt_is_encoded_once_and_alone(sd_folder: Path) -> None:
    pipe = load_pipeline(resolve(str(sd_folder)))
    sizes = counting(pipe)
    encoder = PromptEncoder(pipe)
    encoder.batch(TEXTS, guided=True)
    encoder.batch(TEXTS, guided=True)
    assert sizes == [1, 1, 1]
    assert encoder.batch(TEXTS, guided=False).negative_prompt_embeds is None


def test_the_least_recent_prompt_is_forgotten_first(sd_folder: Path) -> None:
    pipe = load_pipeline(resolve(str(sd_folder)))
    encoder = PromptEncoder(pipe, capacity=2)
    sizes = counting(pipe)
    for text in ("a dog", "a cat", "a dog", "a car", "a dog"):
        encoder.encode(text)
    assert len(sizes) == 3
    encoder.encode("a cat")
    assert len(sizes) == 4


def test_unknown_words_are_said_once(
    sd_folder: Path, velocity_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="spatialbench"):
        encoder = PromptEncoder(load_pipeline(resolve(str(sd_folder))))
        for text in ("a zebra above a dog", "a dog below a zebra"):
            encoder.encode(text)
        arguments = [record.args for record in caplog.records]
        assert [given[0] for given in arguments if isinstance(given, tuple) and given] == ["zebra"]
        caplog.clear()
        PromptEncoder(load_pipeline(resolve(str(velocity_folder)))).encode("a zebra")
        assert not caplog.records
