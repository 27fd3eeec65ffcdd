"""Small CLIP models: the official one of the stored outputs as a folder, and a random one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from tests.t2i_whole import Whole, filled, own_names
from tests.tiny_models import clip_tokenizer


def save_official_clip(folder: Path, whole: Whole, told: Any, tokenizer: Any) -> Path:
    """The model of the stored outputs with a tokenizer, as ``save_pretrained`` writes it."""
    import transformers

    size = told["config"]
    vision = transformers.CLIPVisionConfig(
        hidden_size=size["vision_width"],
        intermediate_size=4 * size["vision_width"],
        num_hidden_layers=size["vision_layers"],
        num_attention_heads=size["vision_width"] // 64,
        image_size=size["resolution"],
        patch_size=size["patch"],
    )
    text = transformers.CLIPTextConfig(
        hidden_size=size["text_width"],
        intermediate_size=4 * size["text_width"],
        num_hidden_layers=size["text_layers"],
        num_attention_heads=size["text_width"] // 64,
        eos_token_id=49407,
        bos_token_id=49406,
    )
    model = transformers.CLIPModel(
        transformers.CLIPConfig(
            text_config=text.to_dict(),
            vision_config=vision.to_dict(),
            projection_dim=size["embed_dim"],
        )
    )
    state = filled(told["shapes"], told.get("fill_prefix", ""))
    for name in told["rounded_to_half"]:
        state[name] = state[name].half().float()
    model.load_state_dict(own_names(state, whole.keys("clip")))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def save_tiny_clip(folder: Path) -> Path:
    """A random ``CLIPModel`` that spells words in letters, as ``save_pretrained`` writes it."""
    import transformers

    tokenizer = clip_tokenizer()
    shared = {
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
    }
    text = transformers.CLIPTextConfig(
        vocab_size=len(tokenizer),
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=tokenizer.bos_token_id,
        max_position_embeddings=77,
        **shared,
    )
    vision = transformers.CLIPVisionConfig(image_size=32, patch_size=16, **shared)
    torch.manual_seed(0)
    config = transformers.CLIPConfig(
        text_config=text.to_dict(), vision_config=vision.to_dict(), projection_dim=8
    )
    transformers.CLIPModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
