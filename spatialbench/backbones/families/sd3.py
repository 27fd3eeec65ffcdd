"""Stable Diffusion 3 and 3.5: a transformer predicts the flow from noise to image and mixes text
and image in joint attention; guidance compares two predictions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...lab import TRANSFORMER
from ...plugins import Ability, Defaults
from ..architecture import Architecture, same, small_file
from .base import Embedding, Family, Parts, Pipeline, require_text_alone, vae_factor

LAB_TRANSFORMER = Defaults(steps=20, guidance_scale=3.0, width=64, height=64, text_length=0)
"""Those of the lab's transformer, which has no T5 and reads no rows of zeros in its place."""

_SHAPE = (
    "sample_size",
    "num_layers",
    "num_attention_heads",
    "attention_head_dim",
    "joint_attention_dim",
)


class SD3Family(Family):
    """The text is CLIP's tokens, both encoders on one axis, and after them T5's, which many run
    without."""

    called = "SD3"
    article = "an"
    classes: Mapping[str, Parts] = {
        "StableDiffusion3Pipeline": Parts(
            {
                "transformer": "SD3Transformer2DModel",
                "vae": "AutoencoderKL",
                "text_encoder": "CLIPTextModelWithProjection",
                "text_encoder_2": "CLIPTextModelWithProjection",
                "text_encoder_3": "T5EncoderModel",
            },
            ("tokenizer", "tokenizer_2", "tokenizer_3", "scheduler"),
            ("text_encoder_3", "tokenizer_3"),
        )
    }
    abilities = frozenset({Ability.JOINT_ATTENTION})
    defaults = Defaults(steps=28, guidance_scale=7.0, width=1024, height=1024, text_length=256)
    """diffusers' own."""

    def architecture(self, config: Mapping[str, Any]) -> Architecture:
        """The lab's by its shape."""
        lab = same(config, TRANSFORMER / self.config_file, _SHAPE)
        return Architecture.LAB_TRANSFORMER if lab else Architecture.SD3

    def folder_defaults(self, folder: Path) -> Defaults:
        """The checkpoint's own size."""
        require_text_alone(folder, self.denoiser)
        config = small_file(folder / self.config_file)
        lab = self.architecture(config) is Architecture.LAB_TRANSFORMER
        like = LAB_TRANSFORMER if lab else self.defaults
        try:
            side = config["sample_size"] * vae_factor(folder)
            return replace(like, width=side, height=side)
        except (ValueError, KeyError, TypeError):
            return like

    def encode(
        self, pipe: Pipeline, texts: str | list[str], text_length: int | None = None
    ) -> Embedding:
        """See :class:`Family`."""
        tokens, _, pooled, _ = pipe.encode_prompt(
            texts,
            None,
            None,
            device=pipe.transformer.device,
            do_classifier_free_guidance=False,
            max_sequence_length=256 if text_length is None else text_length,
        )
        return Embedding(tokens, pooled)

    def t5_tokenizer(self, pipe: Pipeline) -> Any:
        """The third tokenizer, where there is one."""
        return pipe.tokenizer_3

    def rows_before_t5(self, pipe: Pipeline) -> int:
        """As many as CLIP reads."""
        return int(pipe.tokenizer_max_length)


SD3 = SD3Family()
