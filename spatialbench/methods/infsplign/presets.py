"""The settings others have published, by name, and where each comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

DEFAULT = "sweep"


@dataclass(frozen=True, slots=True)
class Preset:
    """A named set of parameters.

    Attributes:
        source: where the values stand.
        parameters: values of ``--set`` parameters.
        by_loss: further values that go with one activation only.
        steps: sampling steps on a Stable Diffusion backbone.
        steps_sdxl: sampling steps on SDXL; None for the same.
        scheduler: scheduler on either.
    """

    source: str
    parameters: Mapping[str, Any]
    steps: int
    by_loss: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    steps_sdxl: int | None = None
    scheduler: str = "ddpm-trailing"


PRESETS: Mapping[str, Preset] = {
    "sweep": Preset(
        "the authors' full-run script (011f3398), the likelier source of the paper's numbers",
        {
            "loss": "gelu",
            "alpha": 1.5,
            "margin": 0.25,
            "slope": 0.05,
            "lambda_spatial": 0.5,
            "lambda_presence": 1.0,
            "lambda_balance": 1.0,
        },
        steps=50,
    ),
    "repo": Preset(
        "the command in the README of the authors' code (011f3398)",
        {
            "loss": "gelu",
            "alpha": 0.75,
            "margin": 0.25,
            "slope": 0.05,
            "lambda_spatial": 1.0,
            "lambda_presence": 1.0,
            "lambda_balance": 1.0,
        },
        steps=50,
    ),
    "thesis": Preset(
        "Chatalbasheva, MSc thesis, TU Delft, June 2025; its best activation on VISOR",
        {
            "loss": "sigmoid",
            "slope": 0.1,
            "lambda_spatial": 1.0,
            "lambda_presence": 0.0,
            "lambda_balance": 0.0,
            "threshold": "mean",
            "end": "25%",
            "near": "sides",
        },
        steps=500,
        steps_sdxl=50,
        by_loss={
            "relu": {"alpha": 0.75, "margin": 0.25},
            "leaky_relu": {"alpha": 2.0, "margin": 0.25},
            "gelu": {"alpha": 2.0, "margin": 0.25},
            "sigmoid": {"alpha": 8.0, "margin": 0.0},
        },
    ),
}

BACKBONE_PARAMETERS: Mapping[str, Mapping[str, Any]] = {
    "lab": {"weight": 100.0},
    "lab-mmdit": {"blocks": "3,4"},
}
"""Parameters that a backbone wants otherwise than every preset, by backbone name.

They replace a preset's values and yield to ``--set``; like all settings they are part of a run's
identity. The gradient grows with the size of the latents and of the maps, so the weight of a small
model need not be the paper's 1000.
"""
