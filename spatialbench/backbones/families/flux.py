"""FLUX.1: a transformer as SD3's, but guidance is a number that the model is told, or was trained
away, and latents are sampled packed as rows of 2x2 patches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...plugins import Ability, Defaults
from ..architecture import Architecture, small_file
from .base import Embedding, Family, Parts, Pipeline, require_text_alone, vae_factor

if TYPE_CHECKING:
    import torch

FLUX_DEV = Defaults(steps=28, guidance_scale=3.5, width=1024, height=1024, text_length=512)
"""What FLUX.1-dev is sampled with: diffusers' own defaults."""
FLUX_SCHNELL = Defaults(steps=4, guidance_scale=0.0, width=1024, height=1024, text_length=256)
"""FLUX.1-schnell was distilled to few steps without guidance, and reads 256 tokens of T5."""

_LATENT_SIDE = 128
"""Latent pixels of the side that diffusers samples at; no configuration file holds it."""


class FluxFamily(Family):
    """The text is T5's alone; CLIP gives only the pooled vector."""

    called = "FLUX"
    classes: Mapping[str, Parts] = {
        "FluxPipeline": Parts(
            {
                "transformer": "FluxTransformer2DModel",
                "vae": "AutoencoderKL",
                "text_encoder": "CLIPTextModel",
                "text_encoder_2": "T5EncoderModel",
            },
            ("tokenizer", "tokenizer_2", "scheduler"),
        )
    }
    abilities = frozenset({Ability.JOINT_ATTENTION, Ability.KNOWN_LAYERS})
    defaults = FLUX_DEV
    told_guidance = True
    words = "t5"

    def architecture(self, config: Mapping[str, Any]) -> Architecture:
        """There is one."""
        return Architecture.FLUX

    def folder_defaults(self, folder: Path) -> Defaults:
        """Those of dev, or of schnell where the model is told no guidance."""
        require_text_alone(folder, self.denoiser, 4)
        try:
            guided = small_file(folder / self.config_file)["guidance_embeds"]
            side = _LATENT_SIDE * vae_factor(folder)
        except (ValueError, KeyError, TypeError):
            return FLUX_DEV
        return replace(FLUX_DEV if guided else FLUX_SCHNELL, width=side, height=side)

    def encode(
        self, pipe: Pipeline, texts: str | list[str], text_length: int | None = None
    ) -> Embedding:
        """See :class:`Family`."""
        tokens, pooled, _ = pipe.encode_prompt(
            prompt=texts,
            device=pipe.transformer.device,
            max_sequence_length=text_length or 512,
        )
        return Embedding(tokens, pooled)

    def word_tokenizers(self, pipe: Pipeline) -> list[Any]:
        """None: no row of the text is CLIP's."""
        return []

    def t5_tokenizer(self, pipe: Pipeline) -> Any:
        """The second tokenizer."""
        return pipe.tokenizer_2

    def unpacked(self, pipe: Pipeline, latents: Any, height: int, width: int) -> torch.Tensor:
        """From (n, h / 2 * w / 2, 4 * channels)."""
        flat: torch.Tensor = pipe._unpack_latents(latents, height, width, pipe.vae_scale_factor)
        return flat


FLUX = FluxFamily()
