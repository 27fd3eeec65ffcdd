"""Configurations of the lab's models: the ordinary classes of diffusers and transformers, small."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .tokenizer import MAX_TOKENS
from .world import SIDE

if TYPE_CHECKING:
    from diffusers import (
        AutoencoderKL,
        DDIMScheduler,
        FlowMatchEulerDiscreteScheduler,
        SD3Transformer2DModel,
        UNet2DConditionModel,
    )
    from transformers import (
        CLIPTextConfig,
        CLIPTextModel,
        CLIPTextModelWithProjection,
        OwlViTForObjectDetection,
    )

TEXT_WIDTH = 128
SECOND_TEXT_WIDTH = 8
FLOW_SHIFT = 2.0
LATENT_SIDE = SIDE // 4
LATENT_STD = 1.2
"""Standard deviation of scaled latents. Smaller ones leave too little signal at t = 800 for
attention to localise; larger ones let the layout be read from the noise at t = 999, so that
neither the prompt nor guidance can change it."""


def build_autoencoder() -> AutoencoderKL:
    """64x64 RGB to 16x16x4 latents."""
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        in_channels=3,
        out_channels=3,
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        block_out_channels=(16, 32, 64),
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=8,
        sample_size=SIDE,
        mid_block_add_attention=False,
    )


def build_text_encoder(vocabulary_size: int) -> CLIPTextModel:
    """One causal transformer layer: with two, attention to object words localises far later."""
    from transformers import CLIPTextModel

    return CLIPTextModel(_text_config(vocabulary_size, TEXT_WIDTH, layers=1))


def _text_config(vocabulary_size: int, width: int, layers: int) -> CLIPTextConfig:
    from transformers import CLIPTextConfig

    return CLIPTextConfig(
        vocab_size=vocabulary_size,
        hidden_size=width,
        intermediate_size=4 * width,
        num_hidden_layers=layers,
        num_attention_heads=max(width // 32, 1),
        max_position_embeddings=MAX_TOKENS,
        projection_dim=width,
        bos_token_id=1,
        eos_token_id=vocabulary_size - 1,
        pad_token_id=vocabulary_size - 1,
    )


def build_unet() -> UNet2DConditionModel:
    """Cross-attention at 8x8 (``up_blocks.1``) and 16x16 (``up_blocks.2``), as in SD's decoder."""
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        sample_size=LATENT_SIDE,
        in_channels=4,
        out_channels=4,
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
        block_out_channels=(48, 96, 128),
        layers_per_block=1,
        attention_head_dim=2,
        cross_attention_dim=TEXT_WIDTH,
        norm_num_groups=16,
    )


def build_scheduler() -> DDIMScheduler:
    """Stable Diffusion's noise schedule, with SD 2.1's v-prediction."""
    from diffusers import DDIMScheduler

    return DDIMScheduler(
        num_train_timesteps=1000,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
        prediction_type="v_prediction",
        timestep_spacing="leading",
    )


def build_transformer() -> SD3Transformer2DModel:
    """SD3's joint attention of image and text: five blocks, 8x8 image tokens of 2x2 latents."""
    from diffusers import SD3Transformer2DModel

    return SD3Transformer2DModel(
        sample_size=LATENT_SIDE,
        patch_size=2,
        in_channels=4,
        out_channels=4,
        num_layers=5,
        attention_head_dim=32,
        num_attention_heads=5,
        joint_attention_dim=TEXT_WIDTH + SECOND_TEXT_WIDTH,
        caption_projection_dim=160,
        pooled_projection_dim=TEXT_WIDTH + SECOND_TEXT_WIDTH,
        pos_embed_max_size=LATENT_SIDE // 2,
        qk_norm="rms_norm",
    )


def build_flow_scheduler() -> FlowMatchEulerDiscreteScheduler:
    """Straight flow from noise to image, its steps shifted towards the noise as SD3's are."""
    from diffusers import FlowMatchEulerDiscreteScheduler

    return FlowMatchEulerDiscreteScheduler(num_train_timesteps=1000, shift=FLOW_SHIFT)


def first_text_encoder(trained: CLIPTextModel) -> CLIPTextModelWithProjection:
    """The lab's trained text encoder as SD3's first: the states before its last layer are read.

    So a second layer that changes nothing follows the trained one. The projection is zero: the
    pooled text says nothing, and the words are read by attention alone.
    """
    import torch
    from transformers import CLIPTextModelWithProjection

    encoder = _silent_text_encoder(trained.config.vocab_size, TEXT_WIDTH)
    state = encoder.state_dict()
    state |= {
        name if name.startswith("text_model.") else f"text_model.{name}": value
        for name, value in trained.state_dict().items()
    }
    missing, unexpected = encoder.load_state_dict(state, strict=False)
    assert not missing, missing
    assert not unexpected, unexpected
    assert isinstance(encoder, CLIPTextModelWithProjection)
    assert isinstance(encoder.text_projection.weight, torch.Tensor)
    return encoder


def second_text_encoder(vocabulary_size: int) -> CLIPTextModelWithProjection:
    """SD3 has two CLIP encoders; the lab's second is as small as can be and says nothing."""
    import torch

    encoder = _silent_text_encoder(vocabulary_size, SECOND_TEXT_WIDTH)
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.zero_()
    return encoder


def _silent_text_encoder(vocabulary_size: int, width: int) -> CLIPTextModelWithProjection:
    """Two layers, the second of which adds nothing, and a projection to zero."""
    import torch
    from transformers import CLIPTextModelWithProjection

    encoder = CLIPTextModelWithProjection(_text_config(vocabulary_size, width, layers=2))
    last = encoder.text_model.encoder.layers[1]
    with torch.no_grad():
        for linear in (last.self_attn.out_proj, last.mlp.fc2):
            linear.weight.zero_()
            linear.bias.zero_()
        encoder.text_projection.weight.zero_()
    return encoder


def build_detector(vocabulary_size: int) -> OwlViTForObjectDetection:
    """OWL-ViT on 64-pixel images: 8-pixel patches, so 64 candidate boxes.

    Linear layers are initialised anew: the class's own initialisation from a configuration
    saturates the box head, and nothing is learnt. The class head starts by finding nothing.
    """
    from torch import nn
    from transformers import OwlViTConfig, OwlViTForObjectDetection

    model = OwlViTForObjectDetection(
        OwlViTConfig(
            text_config={
                "vocab_size": vocabulary_size,
                "hidden_size": 96,
                "intermediate_size": 192,
                "num_hidden_layers": 1,
                "num_attention_heads": 4,
                "max_position_embeddings": MAX_TOKENS,
                "bos_token_id": 1,
                "eos_token_id": vocabulary_size - 1,
                "pad_token_id": vocabulary_size - 1,
            },
            vision_config={
                "hidden_size": 160,
                "intermediate_size": 480,
                "num_hidden_layers": 5,
                "num_attention_heads": 4,
                "image_size": SIDE,
                "patch_size": 8,
            },
            projection_dim=96,
        )
    )
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    nn.init.zeros_(model.box_head.dense2.weight)
    nn.init.constant_(model.class_head.logit_shift.bias, -1.0)
    nn.init.constant_(model.class_head.logit_scale.bias, 6.0)
    return model
