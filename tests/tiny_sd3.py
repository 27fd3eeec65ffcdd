"""A small random SD3 pipeline of the real classes."""

from __future__ import annotations

from typing import Any

from tests.tiny_models import (
    clip_text,
    clip_tokenizer,
    small_vae,
    t5_text,
    t5_tokenizer,
    word_tokenizer,
)


def tiny_sd3(*, t5: bool = True, words: bool = True, heun: bool = False, dual: bool = True) -> Any:
    """A StableDiffusion3Pipeline of 32x32 pixels: four blocks, two of them with dual attention.

    Args:
        t5: with the third text encoder, or without as many run it.
        words: word-level tokenizers instead of CLIP's of letters.
        heun: Heun's scheduler instead of Euler's.
        dual: the dual attention of SD3.5 medium in the first two blocks, and its QK-norm.
    """
    import torch
    from diffusers import (
        FlowMatchEulerDiscreteScheduler,
        FlowMatchHeunDiscreteScheduler,
        SD3Transformer2DModel,
        StableDiffusion3Pipeline,
    )

    torch.manual_seed(0)
    tokenizer = word_tokenizer() if words else clip_tokenizer()
    third = t5_tokenizer()
    transformer = SD3Transformer2DModel(
        sample_size=16,
        patch_size=2,
        in_channels=4,
        out_channels=4,
        num_layers=4,
        attention_head_dim=8,
        num_attention_heads=4,
        joint_attention_dim=32,
        caption_projection_dim=32,
        pooled_projection_dim=32,
        pos_embed_max_size=16,
        dual_attention_layers=(0, 1) if dual else (),
        qk_norm="rms_norm" if dual else None,
    )
    with torch.no_grad():
        for name, parameter in transformer.named_parameters():
            if any(part in name for part in ("to_q.", "to_k.", "add_q_proj.", "add_k_proj.")):
                parameter *= 4
            if "norm" in name and "linear.weight" in name:
                parameter.normal_(std=0.1)
        transformer.proj_out.weight.normal_(std=0.2)
    scheduler = FlowMatchHeunDiscreteScheduler if heun else FlowMatchEulerDiscreteScheduler
    pipe = StableDiffusion3Pipeline(
        transformer=transformer,
        scheduler=scheduler(shift=3.0),
        vae=small_vae(shift_factor=0.06, scaling_factor=1.5),
        text_encoder=clip_text(tokenizer, 16, projected=True),
        tokenizer=tokenizer,
        text_encoder_2=clip_text(tokenizer, 16, projected=True),
        tokenizer_2=tokenizer,
        text_encoder_3=t5_text(third) if t5 else None,
        tokenizer_3=third if t5 else None,
    )
    pipe.set_progress_bar_config(disable=True)
    for part in pipe.components.values():
        if isinstance(part, torch.nn.Module):
            part.eval().requires_grad_(False)
    return pipe
