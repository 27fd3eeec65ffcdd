"""Small random pipelines and detectors of the real classes, written to a folder for a test."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_TEXT = (
    "a an photo of the to on and left right top bottom above below next near in front behind "
    "dog cat car bench bicycle hot wine glass traffic light tv"
)
WORDS = tuple(_TEXT.split())
"""The vocabulary of the word-level tokenizer; anything else is unknown to it."""


def word_tokenizer(length: int = 16) -> Any:
    """A word-level fast tokenizer with CLIP's frame: begin, words, end, padding."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    # The end of text has the highest id: text encoders find their pooled token by it.
    names = ["<pad>", "<unk>", "<start>", *WORDS, "<end>"]
    vocabulary = {name: index for index, name in enumerate(names)}
    core = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    core.pre_tokenizer = pre_tokenizers.Whitespace()
    core.post_processor = processors.TemplateProcessing(
        single="<start> $A <end>",
        special_tokens=[(name, vocabulary[name]) for name in ("<start>", "<end>")],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        bos_token="<start>",
        eos_token="<end>",
        unk_token="<unk>",
        pad_token="<pad>",
        model_max_length=length,
    )


def clip_tokenizer(length: int = 77) -> Any:
    """A CLIP byte-level tokenizer that spells every word out in letters."""
    from transformers import CLIPTokenizer

    letters = [chr(code) for code in range(33, 127)]
    names = letters + [f"{letter}</w>" for letter in letters]
    names += ["<|startoftext|>", "<|endoftext|>"]
    vocabulary = {name: index for index, name in enumerate(names)}
    return CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=length)


def _clip_text(tokenizer: Any, width: int, *, projected: bool = False) -> Any:
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=2 * width,
        projection_dim=width,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=tokenizer.model_max_length,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return (CLIPTextModelWithProjection if projected else CLIPTextModel)(config)


def _vae(**options: Any) -> Any:
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=(16, 32),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        latent_channels=4,
        norm_num_groups=8,
        sample_size=32,
        **options,
    )


def _schedule(**options: Any) -> dict[str, Any]:
    return {
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "beta_schedule": "scaled_linear",
        "steps_offset": 1,
        **options,
    }


def tiny_sd(tokenizer: Any | None = None, prediction_type: str = "epsilon") -> Any:
    """A StableDiffusionPipeline of 32x32 pixels with the up blocks of SD and random weights."""
    import torch
    from diffusers import PNDMScheduler, StableDiffusionPipeline, UNet2DConditionModel

    torch.manual_seed(0)
    tokenizer = tokenizer or word_tokenizer()
    unet = UNet2DConditionModel(
        sample_size=16,
        block_out_channels=(16, 32, 32, 32),
        layers_per_block=2,
        down_block_types=("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
        up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
        cross_attention_dim=32,
        attention_head_dim=4,
        norm_num_groups=8,
    )
    return StableDiffusionPipeline(
        unet=unet,
        vae=_vae(),
        text_encoder=_clip_text(tokenizer, 32),
        tokenizer=tokenizer,
        scheduler=PNDMScheduler(skip_prk_steps=True, **_schedule(prediction_type=prediction_type)),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def tiny_sdxl() -> Any:
    """A StableDiffusionXLPipeline of 32x32 pixels, two text encoders, and random weights."""
    import torch
    from diffusers import (
        EulerDiscreteScheduler,
        StableDiffusionXLPipeline,
        UNet2DConditionModel,
    )

    torch.manual_seed(0)
    tokenizer = clip_tokenizer()
    unet = UNet2DConditionModel(
        sample_size=16,
        block_out_channels=(16, 32, 32),
        layers_per_block=2,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        transformer_layers_per_block=[1, 2, 4],
        cross_attention_dim=64,
        attention_head_dim=[2, 4, 4],
        norm_num_groups=8,
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=32 + 6 * 8,
    )
    return StableDiffusionXLPipeline(
        unet=unet,
        vae=_vae(force_upcast=True),
        text_encoder=_clip_text(tokenizer, 32),
        text_encoder_2=_clip_text(tokenizer, 32, projected=True),
        tokenizer=tokenizer,
        tokenizer_2=clip_tokenizer(),
        scheduler=EulerDiscreteScheduler(**_schedule()),
        force_zeros_for_empty_prompt=True,
        add_watermarker=False,
    )


def save_pipeline(pipe: Any, folder: Path) -> Path:
    """Write a pipeline as safetensors and return its folder."""
    pipe.save_pretrained(folder, safe_serialization=True)
    return folder


def save_tiny_owlvit(folder: Path, tokenizer: Any | None = None) -> Path:
    """Write an OwlViTForObjectDetection for 64x64 pixels with tokenizer and image processor.

    Linear layers are drawn again with a small spread: as configured, they saturate every box.
    """
    import torch
    from transformers import OwlViTConfig, OwlViTForObjectDetection, OwlViTImageProcessorPil

    torch.manual_seed(0)
    tokenizer = tokenizer or word_tokenizer()
    config = OwlViTConfig(
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": 24,
            "intermediate_size": 48,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "max_position_embeddings": tokenizer.model_max_length,
            "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": tokenizer.eos_token_id,
            "pad_token_id": tokenizer.pad_token_id,
        },
        vision_config={
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "image_size": 64,
            "patch_size": 16,
        },
        projection_dim=24,
    )
    model = OwlViTForObjectDetection(config).eval()
    for module in model.modules():
        if isinstance(module, torch.nn.Linear):
            torch.nn.init.xavier_normal_(module.weight)
            if module.bias is not None:
                torch.nn.init.normal_(module.bias, std=0.1)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    size = {"height": 64, "width": 64}
    OwlViTImageProcessorPil(size=size, crop_size=size).save_pretrained(folder)
    return folder


def edit_json(path: Path, **changes: Any) -> None:
    """Change keys of a JSON file in place."""
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(content | changes), encoding="utf-8")
