"""Stable Diffusion and SDXL: a UNet predicts noise or velocity and looks at the prompt by
cross-attention; guidance compares two predictions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...lab import BACKBONE
from ...plugins import Ability, Defaults
from ..architecture import Architecture, same, small_file
from .base import Embedding, Family, Parts, Pipeline, require_text_alone, vae_factor

if TYPE_CHECKING:
    import torch

LAB = Defaults(steps=20, guidance_scale=3.0, scheduler="ddim", width=64, height=64)
"""The lab's own values; its weights are trained for them."""
SDXL_GUIDANCE = 5.0
"""diffusers' own default for SDXL."""
_LIKE = {Architecture.LAB: LAB, Architecture.SDXL: Defaults(guidance_scale=SDXL_GUIDANCE)}

_SHAPE = (
    "sample_size",
    "cross_attention_dim",
    "block_out_channels",
    "down_block_types",
    "up_block_types",
)
_BY_TEXT_WIDTH = {768: Architecture.SD1, 1024: Architecture.SD2}
_MODELS = {"unet": "UNet2DConditionModel", "vae": "AutoencoderKL", "text_encoder": "CLIPTextModel"}


class UNetFamily(Family):
    """Of SDXL's pipelines some parts are special: a second text encoder, and a VAE that overflows
    in float16."""

    called = "Stable Diffusion"
    classes: Mapping[str, Parts] = {
        "StableDiffusionPipeline": Parts(_MODELS, ("tokenizer", "scheduler")),
        "StableDiffusionXLPipeline": Parts(
            _MODELS | {"text_encoder_2": "CLIPTextModelWithProjection"},
            ("tokenizer", "tokenizer_2", "scheduler"),
        ),
    }
    denoiser = "unet"
    abilities = frozenset(
        {Ability.CROSS_ATTENTION, Ability.KNOWN_LAYERS, Ability.NOISE_SCHEDULE},
    )
    lora_parts = ("unet", "text_encoder", "text_encoder_2")
    flow = False
    side_unit = 8

    def architecture(self, config: Mapping[str, Any]) -> Architecture:
        """By the lab's shape, SDXL's extra conditions, or the width of the text."""
        if not config:
            return Architecture.OTHER
        if same(config, BACKBONE / self.config_file, _SHAPE):
            return Architecture.LAB
        if config.get("addition_embed_type") == "text_time":
            return Architecture.SDXL
        width = config.get("cross_attention_dim")
        known = _BY_TEXT_WIDTH.get(width) if isinstance(width, int) else None
        return known or Architecture.OTHER

    def folder_defaults(self, folder: Path) -> Defaults:
        """The checkpoint's own size; steps and guidance by its architecture."""
        require_text_alone(folder, self.denoiser)
        config = small_file(folder / self.config_file)
        like = _LIKE.get(self.architecture(config), self.defaults)
        try:
            sample = config["sample_size"]
            height, width = sample if isinstance(sample, list) else (sample, sample)
            factor = vae_factor(folder)
            return replace(like, width=width * factor, height=height * factor)
        except (ValueError, KeyError, TypeError):
            return like

    def own_size(self, pipe: Pipeline) -> tuple[int, int]:
        """See :class:`Family`; the sides may differ."""
        sample = pipe.unet.config.sample_size
        rows, columns = (sample, sample) if isinstance(sample, int) else sample
        return rows * pipe.vae_scale_factor, columns * pipe.vae_scale_factor

    def encode(
        self, pipe: Pipeline, texts: str | list[str], text_length: int | None = None
    ) -> Embedding:
        """See :class:`Family`; only SDXL has a pooled vector."""
        found = pipe.encode_prompt(
            prompt=texts,
            device=pipe.unet.device,
            num_images_per_prompt=1,
            do_classifier_free_guidance=False,
        )
        return Embedding(found[0], found[2] if len(found) == 4 else None)

    def word_tokenizers(self, pipe: Pipeline) -> list[Any]:
        """SDXL has two."""
        tokenizers = (pipe.tokenizer, pipe.components.get("tokenizer_2"))
        return [tokenizer for tokenizer in tokenizers if tokenizer is not None]

    def upcast(self, pipe: Pipeline, latents: torch.Tensor) -> bool:
        """SDXL's VAE overflows in float16 and says so in its configuration."""
        import torch

        forced = pipe.vae.config.get("force_upcast", False)
        return latents.dtype == torch.float16 and bool(forced) and _is_sdxl(pipe)

    def to_vae(self, pipe: Pipeline, latents: torch.Tensor) -> torch.Tensor:
        """Some VAEs of SDXL's kind carry a mean and a spread a channel."""
        factor = float(pipe.vae.config.scaling_factor)
        spread = _spread(pipe, latents)
        if spread is None:
            return latents / factor
        mean, std = spread
        return latents * std / factor + mean

    def from_vae(self, pipe: Pipeline, values: torch.Tensor, *, shift: bool) -> torch.Tensor:
        """See :class:`Family`."""
        factor = pipe.vae.config.scaling_factor
        spread = _spread(pipe, values)
        if spread is None:
            return values * float(factor)
        mean, std = spread
        scaled: torch.Tensor = (values - (mean if shift else 0)) * factor / std
        return scaled


def _is_sdxl(pipe: Pipeline) -> bool:
    return "text_encoder_2" in pipe.components


def _spread(pipe: Pipeline, like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor] | None:
    config = pipe.vae.config
    mean, std = config.get("latents_mean"), config.get("latents_std")
    if mean is None or std is None or not _is_sdxl(pipe):
        return None
    return like.new_tensor(mean).view(1, -1, 1, 1), like.new_tensor(std).view(1, -1, 1, 1)


UNET = UNetFamily()
