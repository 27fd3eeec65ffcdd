"""Small pipelines on disk and in memory, prompts for them, the data folder: for every generator."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from spatialbench.prompts import Prompt, Triplet
from spatialbench.relations import PHRASES
from tests import tiny_models
from tests.reference_data import reference
from tests.tiny_models import save_pipeline, sharpened, tiny_sd, tiny_sdxl


@pytest.fixture(scope="session")
def sd_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A noise-predicting StableDiffusionPipeline with a word-level tokenizer."""
    return save_pipeline(tiny_sd(), tmp_path_factory.mktemp("sd"))


@pytest.fixture(scope="session")
def velocity_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A velocity-predicting StableDiffusionPipeline with a CLIP tokenizer."""
    pipe = tiny_sd(tiny_models.clip_tokenizer(), prediction_type="v_prediction")
    return save_pipeline(pipe, tmp_path_factory.mktemp("velocity"))


@pytest.fixture(scope="session")
def sdxl_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A StableDiffusionXLPipeline with two text encoders."""
    return save_pipeline(tiny_sdxl(), tmp_path_factory.mktemp("sdxl"))


@pytest.fixture(scope="session")
def flux_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A FluxPipeline with a guidance embedding, as FLUX.1-dev."""
    return save_pipeline(tiny_models.tiny_flux(), tmp_path_factory.mktemp("flux"))


@pytest.fixture(scope="session")
def schnell_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A FluxPipeline without one, as FLUX.1-schnell."""
    return save_pipeline(tiny_models.tiny_flux(guidance=False), tmp_path_factory.mktemp("schnell"))


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
    return reference()


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
