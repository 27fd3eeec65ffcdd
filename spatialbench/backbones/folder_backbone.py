"""A local diffusers folder as a backbone: what its small configuration files say of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..files.documents import read_json
from .architecture import Architecture, folder_architecture
from .backbone import Backbone, Defaults
from .family import Family

FLUX_DEV = Defaults(steps=28, guidance_scale=3.5, width=1024, height=1024, text_length=512)
"""What FLUX.1-dev is sampled with: diffusers' own defaults."""
FLUX_SCHNELL = Defaults(steps=4, guidance_scale=0.0, width=1024, height=1024, text_length=256)
"""FLUX.1-schnell was distilled to few steps without guidance, and reads 256 tokens of T5."""

SD3 = Defaults(steps=28, guidance_scale=7.0, width=1024, height=1024, text_length=256)
"""What Stable Diffusion 3 and 3.5 are sampled with: diffusers' own defaults."""

LAB = Defaults(steps=20, guidance_scale=3.0, scheduler="ddim", width=64, height=64)
"""The lab's own values; its weights are trained for them."""
LAB_TRANSFORMER = Defaults(steps=20, guidance_scale=3.0, width=64, height=64, text_length=0)
"""Those of the lab's transformer, which has no T5 and reads no rows of zeros in its place."""
SDXL_GUIDANCE = 5.0
"""diffusers' own default for SDXL."""

_LIKE = {
    Architecture.LAB: LAB,
    Architecture.LAB_TRANSFORMER: LAB_TRANSFORMER,
    Architecture.SDXL: Defaults(guidance_scale=SDXL_GUIDANCE),
}

_FLUX_LATENT_SIDE = 128
"""Latent pixels of the side that diffusers samples FLUX at; no configuration file holds it."""


def folder_backbone(name: str, folder: Path) -> Backbone:
    """A backbone of this folder, with defaults read from it where they can be.

    A folder that is damaged or no pipeline at all is refused when it is identified or loaded.
    """
    architecture = folder_architecture(folder)
    family, read = _READ.get(architecture, (Family.UNET, _unet_defaults))
    return Backbone(
        "local",
        f"the folder {name}",
        read(folder, _LIKE.get(architecture)),
        folder=folder,
        family=family,
        known_architecture=architecture,
    )


def _unet_defaults(folder: Path, like: Defaults | None) -> Defaults:
    like = like or Defaults()
    try:
        sample = read_json(folder / "unet" / "config.json")["sample_size"]
        height, width = sample if isinstance(sample, list) else (sample, sample)
        factor = _vae_factor(folder)
        return replace(like, width=width * factor, height=height * factor)
    except (OSError, ValueError, KeyError, TypeError):
        return like


def _sd3_defaults(folder: Path, like: Defaults | None) -> Defaults:
    like = like or SD3
    try:
        side = read_json(folder / "transformer" / "config.json")["sample_size"]
        side *= _vae_factor(folder)
        return replace(like, width=side, height=side)
    except (OSError, ValueError, KeyError, TypeError):
        return like


def _flux_defaults(folder: Path, _: Defaults | None) -> Defaults:
    try:
        guided = read_json(folder / "transformer" / "config.json")["guidance_embeds"]
        side = _FLUX_LATENT_SIDE * _vae_factor(folder)
    except (OSError, ValueError, KeyError, TypeError):
        return FLUX_DEV
    like = FLUX_DEV if guided else FLUX_SCHNELL
    return Defaults(
        like.steps, like.guidance_scale, width=side, height=side, text_length=like.text_length
    )


_READ = {
    Architecture.SD3: (Family.SD3, _sd3_defaults),
    Architecture.LAB_TRANSFORMER: (Family.SD3, _sd3_defaults),
    Architecture.FLUX: (Family.FLUX, _flux_defaults),
}
"""How a transformer's folder is read; any other is taken for Stable Diffusion's kind."""


def _vae_factor(folder: Path) -> int:
    """Pixels a latent pixel, along a side."""
    return int(2 ** (len(read_json(folder / "vae" / "config.json")["block_out_channels"]) - 1))
