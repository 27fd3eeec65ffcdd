"""Small pipelines whose attention is sharp enough to steer, prompts for them, the data folder."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from spatialbench.generators.infsplign.settings import GuidanceSettings, read_settings
from spatialbench.prompts import Prompt, Triplet
from spatialbench.relations import PHRASES, Relation
from tests.tiny_models import tiny_sd, tiny_sdxl


def sharpened(pipe: Any) -> Any:
    """Ready to sample, with queries and keys large enough for maps that are not flat."""
    pipe.set_progress_bar_config(disable=True)
    for name, parameter in pipe.unet.named_parameters():
        if "attn2.to_q" in name or "attn2.to_k" in name:
            parameter.data *= 4
    for part in (pipe.unet, pipe.vae, pipe.text_encoder):
        part.eval()
    return pipe


@pytest.fixture(scope="module")
def sd_pipe() -> Any:
    """SD 1.x's classes, 16x16 latents, float32."""
    return sharpened(tiny_sd())


@pytest.fixture(scope="module")
def sdxl_pipe() -> Any:
    """SDXL's classes with two text encoders, 16x16 latents, float32."""
    return sharpened(tiny_sdxl())


@pytest.fixture(scope="session")
def pair() -> Callable[..., Prompt]:
    """Makes a prompt from a subject, a phrase and an object."""

    def make(subject: str, phrase: str, object_: str, id_: str = "0") -> Prompt:
        relation = PHRASES[phrase]
        text = f"a {subject} {phrase} a {object_}"
        return Prompt(id_, text, relation, Triplet(subject, relation, object_))

    return make


@pytest.fixture(scope="session")
def mixed(pair: Callable[..., Prompt]) -> list[Prompt]:
    """Three prompts with different relations, one with a name of two words."""
    return [
        pair("dog", "to the left of", "cat", "10"),
        pair("wine glass", "above", "bench", "11"),
        pair("car", "next to", "traffic light", "12"),
    ]


@pytest.fixture(scope="session")
def settings() -> Callable[..., GuidanceSettings]:
    """Settings of a Stable Diffusion backbone at so many steps."""

    def make(steps: int, **given: Any) -> GuidanceSettings:
        return read_settings(given, "sd1.4", steps)

    return make


@pytest.fixture(scope="session")
def sample() -> Callable[..., Any]:
    """Calls a pipeline for prompts, image i with seed ``seeds[i]``; latents out."""

    def run(pipe: Any, prompts: Sequence[Prompt], seeds: Sequence[int], **options: Any) -> Any:
        import torch

        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        call = {"num_inference_steps": 4, "guidance_scale": 7.5, "output_type": "latent"}
        texts = [prompt.text for prompt in prompts]
        return pipe(texts, generator=generators, **{**call, **options}).images

    return run


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of reference data."""
    folder = os.environ.get("SPATIALBENCH_DATA")
    if not folder:
        pytest.skip("SPATIALBENCH_DATA names no folder with the reference data")
    return Path(folder)


@pytest.fixture(scope="session")
def clip_tokenizer(data: Path) -> Any:
    """CLIP's own tokenizer, from its published merges."""
    from transformers import CLIPTokenizer

    packed = (data / "clip" / "bpe_simple_vocab_16e6.txt.gz").read_bytes()
    lines = gzip.decompress(packed).decode("utf-8").split("\n")
    merges = [tuple(line.split()) for line in lines[1 : 48894 + 1]]
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    letters = [chr(byte) for byte in printable] + [chr(256 + i) for i in range(len(others))]
    names = letters + [f"{letter}</w>" for letter in letters]
    names += ["".join(merge) for merge in merges] + ["<|startoftext|>", "<|endoftext|>"]
    vocabulary = {name: index for index, name in enumerate(names)}
    assert len(vocabulary) == 49408
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=77)


@pytest.fixture(scope="session")
def relation_phrases() -> dict[Relation, str]:
    """One phrase a relation in the plane."""
    return {
        Relation.LEFT: "to the left of",
        Relation.RIGHT: "to the right of",
        Relation.ABOVE: "above",
        Relation.BELOW: "below",
        Relation.NEAR: "near",
    }
