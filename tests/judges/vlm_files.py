"""Tiny vision-language models of real classes, random, as ``save_pretrained`` writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

MARKS = (
    *("<|endoftext|>", "<|im_start|>", "<|im_end|>"),
    *("<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"),
)
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{% for part in message.content %}"
    "{% if part.type == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% else %}{{ part.text }}{% endif %}"
    "{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def letters_tokenizer() -> Any:
    """A byte-level BPE tokenizer that spells every word out in letters."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    core = Tokenizer(models.BPE(vocab={one: i for i, one in enumerate(letters)}, merges=[]))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=list(MARKS[1:]),
    )
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def save_tiny_vlm(folder: Path, dtype: str = "bfloat16") -> Path:
    """A random ``Qwen3VLForConditionalGeneration`` of one layer, with its processor's files."""
    import torch
    import transformers

    tokenizer = letters_tokenizer()
    ids = {mark: tokenizer.convert_tokens_to_ids(mark) for mark in MARKS}
    layer = {"hidden_size": 16, "intermediate_size": 16}
    config = transformers.Qwen3VLConfig(
        text_config={
            **layer,
            "vocab_size": len(tokenizer),
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "num_key_value_heads": 1,
            "head_dim": 8,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 10000.0,
                "mrope_section": [2, 1, 1],
                "mrope_interleaved": True,
            },
        },
        vision_config={
            **layer,
            "depth": 1,
            "num_heads": 2,
            "out_hidden_size": 16,
            "num_position_embeddings": 16,
            "patch_size": 4,
            "spatial_merge_size": 2,
            "temporal_patch_size": 1,
            "deepstack_visual_indexes": [0],
        },
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
    )
    torch.manual_seed(0)
    model = transformers.Qwen3VLForConditionalGeneration(config)
    with torch.no_grad():
        # As initialised, an image hardly moves the answer.
        for weights in model.parameters():
            weights.normal_(1.0 if weights.dim() == 1 else 0.0, 0.3)
    model.to(getattr(torch, dtype)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    transformers.Qwen2VLImageProcessorPil(
        patch_size=4,
        merge_size=2,
        temporal_patch_size=1,
        size={"shortest_edge": 64, "longest_edge": 1024},
    ).save_pretrained(folder)
    return folder


def save_tiny_llava(folder: Path) -> Path:
    """A random ``LlavaForConditionalGeneration``, whose processor's settings lie in one file."""
    import torch
    import transformers

    tokenizer = letters_tokenizer()
    tokenizer.add_special_tokens({"additional_special_tokens": ["<image>"]})
    layer = {"hidden_size": 16, "intermediate_size": 16, "num_attention_heads": 2}
    config = transformers.LlavaConfig(
        vision_config=transformers.CLIPVisionConfig(
            **layer, num_hidden_layers=2, image_size=32, patch_size=8
        ),
        text_config=transformers.LlamaConfig(
            **layer, vocab_size=len(tokenizer), num_hidden_layers=1, num_key_value_heads=1
        ),
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
    )
    torch.manual_seed(0)
    transformers.LlavaForConditionalGeneration(config).save_pretrained(folder)
    transformers.LlavaProcessor(
        transformers.CLIPImageProcessorPil(
            size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
        ),
        tokenizer,
        patch_size=8,
        vision_feature_select_strategy="default",
        chat_template=TEMPLATE.replace("<|vision_start|><|image_pad|><|vision_end|>", "<image>"),
        num_additional_image_tokens=1,
    ).save_pretrained(folder)
    return folder
