"""The settings of a LoRA's training: their defaults, and what they must satisfy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ..errors import UserError, unknown_name

_ATTENTION = ("to_q", "to_k", "to_v", "to_out.0")
_FEED_FORWARD = ("ff.net.0.proj", "ff.net.2")
_FLUX_ATTENTION = (*_ATTENTION, "add_q_proj", "add_k_proj", "add_v_proj", "to_add_out")
_FLUX_FEED_FORWARD = (
    *(*_FEED_FORWARD, "ff_context.net.0.proj", "ff_context.net.2"),
    *("proj_mlp", "proj_out"),
)
TARGETS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "attention": {"unet": _ATTENTION, "transformer": _FLUX_ATTENTION},
    "attention+ff": {
        "unet": (*_ATTENTION, *_FEED_FORWARD),
        "transformer": (*_FLUX_ATTENTION, *_FLUX_FEED_FORWARD),
    },
    "all": {
        "unet": (
            *(*_ATTENTION, *_FEED_FORWARD),
            *("proj_in", "proj_out", "conv1", "conv2", "conv_shortcut", "time_emb_proj"),
        ),
        "transformer": (
            *(*_FLUX_ATTENTION, *_FLUX_FEED_FORWARD),
            *("norm.linear", "norm1.linear", "norm1_context.linear"),
        ),
    },
}
"""Ends of the names of the adapted layers, for a UNet and for FLUX's transformer. Which ones
ESPLoRA adapts is not public."""
TEXT_TARGETS = ("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2")


@dataclass(frozen=True, slots=True)
class LoraSettings:
    """How a LoRA is trained; all of it decides the weights.

    Attributes:
        rank: ESPLoRA's is 128.
        alpha: the update is scaled by alpha / rank; None for alpha = rank.
        targets: a name of ``TARGETS``.
        text_encoder: adapt the text encoders too.
        steps: optimiser steps.
        batch_size: images per step.
        learning_rate: the highest one; it warms up and falls to zero along a cosine.
        pure_noise: share of samples shown pure noise at late timesteps; see ``noising``.
        no_caption: share of empty captions, for guidance.
        object_weight: weight of a latent pixel inside a found box; one of the background counts 1.
        seed: of the first weights, the order and the noise.
    """

    rank: int = 128
    alpha: float | None = None
    targets: str = "attention"
    text_encoder: bool = False
    steps: int = 2000
    batch_size: int = 16
    learning_rate: float = 1e-4
    pure_noise: float = 0.15
    no_caption: float = 0.1
    object_weight: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.targets not in TARGETS:
            raise unknown_name("set of layers", self.targets, TARGETS)
        for name, share in (("pure-noise", self.pure_noise), ("no-caption", self.no_caption)):
            if not 0 <= share <= 1:
                raise UserError(f"--{name} {share:g} is out of range: give a share from 0 to 1.")
        for name, value in (
            ("rank", self.rank),
            ("alpha", self.scale_alpha),
            ("steps", self.steps),
            ("batch-size", self.batch_size),
            ("learning-rate", self.learning_rate),
            ("object-weight", self.object_weight),
        ):
            if not 0 < value < float("inf"):
                raise UserError(f"--{name} {value:g} is out of range: give a number above 0.")

    @property
    def scale_alpha(self) -> float:
        """Alpha, filled in."""
        return float(self.rank if self.alpha is None else self.alpha)

    def identity(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self) | {"alpha": self.scale_alpha}
