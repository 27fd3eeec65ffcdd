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


def clip_text(tokenizer: Any, width: int, *, projected: bool = False) -> Any:
    """A CLIP text encoder of two layers with random weights."""
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


def small_vae(**options: Any) -> Any:
    """An AutoencoderKL of two levels and 4 latent channels with random weights."""
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
        vae=small_vae(),
        text_encoder=clip_text(tokenizer, 32),
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
        vae=small_vae(force_upcast=True),
        text_encoder=clip_text(tokenizer, 32),
        text_encoder_2=clip_text(tokenizer, 32, projected=True),
        tokenizer=tokenizer,
        tokenizer_2=clip_tokenizer(),
        scheduler=EulerDiscreteScheduler(**_schedule()),
        force_zeros_for_empty_prompt=True,
        add_watermarker=False,
    )


def tiny_flux_transformer(guidance: bool = True) -> Any:
    """A FluxTransformer2DModel with two double and two single blocks and random weights."""
    import torch
    from diffusers import FluxTransformer2DModel

    torch.manual_seed(0)
    return FluxTransformer2DModel(
        patch_size=1,
        in_channels=16,
        num_layers=2,
        num_single_layers=2,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=32,
        pooled_projection_dim=32,
        axes_dims_rope=(4, 4, 8),
        guidance_embeds=guidance,
    )


def t5_tokenizer() -> Any:
    """A T5 tokenizer that spells every word out in letters; as long as FLUX's."""
    from transformers import T5Tokenizer

    letters = [(letter, -3.0) for letter in "abcdefghijklmnopqrstuvwxyz"]
    frame = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    return T5Tokenizer(vocab=[*frame, *letters], extra_ids=0, model_max_length=512)


def t5_text(tokenizer: Any, width: int = 32) -> Any:
    """A T5 encoder of two layers with random weights."""
    from transformers import T5Config, T5EncoderModel

    config = T5Config(
        vocab_size=len(tokenizer),
        d_model=width,
        d_kv=8,
        d_ff=64,
        num_layers=2,
        num_heads=2,
        feed_forward_proj="gated-gelu",
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    return T5EncoderModel(config)


def tiny_flux(guidance: bool = True) -> Any:
    """A FluxPipeline with the parts of FLUX.1-dev, or of schnell, and random weights.

    CLIP's pooled text and T5's tokens, latents of 4 channels packed into 16, a VAE with a shift,
    and dev's shifted or schnell's plain schedule.
    """
    import torch
    from diffusers import FlowMatchEulerDiscreteScheduler, FluxPipeline

    torch.manual_seed(0)
    tokenizer, second = word_tokenizer(), t5_tokenizer()
    return FluxPipeline(
        transformer=tiny_flux_transformer(guidance),
        vae=small_vae(shift_factor=0.1, scaling_factor=0.4, force_upcast=True),
        text_encoder=clip_text(tokenizer, 32),
        tokenizer=tokenizer,
        text_encoder_2=t5_text(second),
        tokenizer_2=second,
        scheduler=FlowMatchEulerDiscreteScheduler(
            use_dynamic_shifting=guidance, shift=3.0 if guidance else 1.0
        ),
    )


def sharpened(pipe: Any) -> Any:
    """Ready to sample, with queries and keys large enough for maps that are not flat."""
    pipe.set_progress_bar_config(disable=True)
    for name, parameter in pipe.unet.named_parameters():
        if "attn2.to_q" in name or "attn2.to_k" in name:
            parameter.data *= 4
    for part in (pipe.unet, pipe.vae, pipe.text_encoder):
        part.eval()
    return pipe


def save_pipeline(pipe: Any, folder: Path) -> Path:
    """Write a pipeline as safetensors and return its folder."""
    pipe.save_pretrained(folder, safe_serialization=True)
    return folder


def save_tiny_owlvit(folder: Path, tokenizer: Any | None = None, *, v2: bool = False) -> Path:
    """Write an OwlViTForObjectDetection for 64x64 pixels with tokenizer and image processor.

    Linear layers are drawn again with a small spread: as configured, they saturate every box.
    ``v2`` makes it an Owlv2ForObjectDetection.
    """
    import torch
    import transformers

    torch.manual_seed(0)
    tokenizer = tokenizer or word_tokenizer()
    family = "Owlv2" if v2 else "OwlViT"
    config = getattr(transformers, f"{family}Config")(
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
    model = getattr(transformers, f"{family}ForObjectDetection")(config).eval()
    spread_out(model)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    size = {"height": 64, "width": 64}
    getattr(transformers, f"{family}ImageProcessorPil")(size=size, crop_size=size).save_pretrained(
        folder
    )
    return folder


def spread_out(model: Any) -> None:
    """Draw a model's linear layers again, so that what it answers depends on what it sees."""
    import torch

    for module in model.modules():
        if isinstance(module, torch.nn.Linear):
            torch.nn.init.xavier_normal_(module.weight)
            if module.bias is not None:
                torch.nn.init.normal_(module.bias, std=0.1)


def bert_tokenizer() -> Any:
    """A lower-casing WordPiece tokenizer with BERT's ids of [CLS], [SEP], "." and "?".

    Grounding DINO knows the ends of its phrases by those ids. "bench" is two pieces.
    """
    from transformers import BertTokenizer

    names = [f"[unused{i}]" for i in range(1100)]
    names[0], names[100], names[101], names[102], names[103] = (
        *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
    )
    names[1012], names[1029] = ".", "?"
    words = [word for word in WORDS if word != "bench"]
    names[1030 : 1030 + len(words) + 2] = [*words, "ben", "##ch"]
    return BertTokenizer(vocab={name: i for i, name in enumerate(names)}, do_lower_case=True)


def save_tiny_grounding_dino(folder: Path) -> Path:
    """Write a GroundingDinoForObjectDetection of one layer a part, with its processor."""
    import torch
    import transformers

    torch.manual_seed(0)
    tokenizer = bert_tokenizer()
    config = transformers.GroundingDinoConfig(
        backbone_config=transformers.SwinConfig(
            embed_dim=12,
            depths=[1, 1, 1, 1],
            num_heads=[1, 2, 2, 2],
            window_size=4,
            out_indices=[2, 3, 4],
        ),
        text_config=transformers.BertConfig(
            vocab_size=len(tokenizer),
            hidden_size=24,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=64,
        ),
        num_queries=20,
        d_model=32,
        encoder_layers=1,
        decoder_layers=2,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        max_text_len=32,
    )
    model = transformers.GroundingDinoForObjectDetection(config).eval()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    size = {"shortest_edge": 96, "longest_edge": 160}
    transformers.GroundingDinoImageProcessorPil(size=size).save_pretrained(folder)
    return folder


def edit_json(path: Path, **changes: Any) -> None:
    """Change keys of a JSON file in place."""
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(content | changes), encoding="utf-8")
