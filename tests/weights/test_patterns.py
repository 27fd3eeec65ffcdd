"""Our reading of file patterns is the Hub client's, so that a hash covers what a fetch brings."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from spatialbench.backbones.checkpoint import PIPELINE_FILES
from spatialbench.weights.origin import MODEL_FILES
from spatialbench.weights.patterns import FilePatterns

NAMES = (
    "model_index.json",
    "unet/config.json",
    "unet/diffusion_pytorch_model.safetensors",
    "README.md",
    "unet/diffusion_pytorch_model.fp16.safetensors",
    "unet/diffusion_pytorch_model.bin",
    "config.json",
    "text_encoder/model.safetensors",
    "tokenizer/merges.txt",
    "safety_checker/model.safetensors",
    "sd_xl_base_1.0.safetensors",
    "vae_1_0/config.json",
    "unet/openvino_model.xml",
    "pytorch_model.bin",
    "unet/diffusion_pytorch_model.non_ema.safetensors",
    "model.safetensors",
    "a/b/c/deep.json",
)


@given(st.lists(st.sampled_from(NAMES)), st.sampled_from([PIPELINE_FILES, MODEL_FILES]))
def test_same_as_the_hub_client(names: list[str], patterns: FilePatterns) -> None:
    from huggingface_hub.utils import filter_repo_objects

    theirs = filter_repo_objects(
        names, allow_patterns=list(patterns.allow), ignore_patterns=list(patterns.ignore)
    )
    assert [name for name in names if patterns.match(name)] == list(theirs)


def test_a_pipeline_comes_in_one_precision_without_pickles() -> None:
    assert [name for name in NAMES if PIPELINE_FILES.match(name)] == [
        "model_index.json",
        "unet/config.json",
        "unet/diffusion_pytorch_model.safetensors",
        "text_encoder/model.safetensors",
        "tokenizer/merges.txt",
        "a/b/c/deep.json",
    ]
