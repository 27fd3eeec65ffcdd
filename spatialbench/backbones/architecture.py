"""What kind of model a checkpoint is, by its own configuration; methods have settings by kind.

A name says nothing: the same weights may be registered, in a folder, or in a repository.
"""

from __future__ import annotations

import tempfile
from enum import StrEnum
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..files.documents import read_json
from ..files.downloads import forbidden
from ..weights.hub import HubSource, fetch_file, snapshot_folder
from .family import PIPELINE_FAMILIES, Family


class Architecture(StrEnum):
    """``SD1``: Stable Diffusion 1, with CLIP's text encoder of width 768. ``SD2``: Stable
    Diffusion 2, with OpenCLIP's of width 1,024. ``LAB`` and ``LAB_TRANSFORMER``: the shapes of the
    lab's models."""

    LAB = "lab"
    LAB_TRANSFORMER = "lab-mmdit"
    SD1 = "sd1"
    SD2 = "sd2"
    SDXL = "sdxl"
    SD3 = "sd3"
    FLUX = "flux"
    OTHER = "other"


LAB_FOLDER = Path(__file__).parents[1] / "lab" / "weights" / "backbone"
"""The lab's diffusers folder inside the package."""
LAB_TRANSFORMER_FOLDER = LAB_FOLDER.with_name("backbone-mmdit")
"""The same of the lab's transformer."""

_UNET = "unet/config.json"
_TRANSFORMER = "transformer/config.json"
_TRANSFORMER_SHAPE = (
    "sample_size",
    "num_layers",
    "num_attention_heads",
    "attention_head_dim",
    "joint_attention_dim",
)
_SHAPE = (
    "sample_size",
    "cross_attention_dim",
    "block_out_channels",
    "down_block_types",
    "up_block_types",
)
_BY_TEXT_WIDTH = {768: Architecture.SD1, 1024: Architecture.SD2}


def folder_architecture(folder: Path) -> Architecture:
    """Of a diffusers folder; ``OTHER`` where its small files cannot be read."""
    family = PIPELINE_FAMILIES.get(_class_name(folder))
    if family is Family.FLUX:
        return Architecture.FLUX
    if family is Family.SD3:
        return _of_transformer(_config(folder / _TRANSFORMER))
    return _of_unet(_config(folder / _UNET))


def repository_architecture(source: HubSource, *, offline: bool) -> Architecture:
    """Of a repository of Stable Diffusion's kind: from the cache, else its UNet's configuration is
    downloaded and nothing else.

    Raises:
        UserError: it is not in the cache, and offline or the download failed.
    """
    cached = snapshot_folder(source)
    if (cached / _UNET).is_file():
        return folder_architecture(cached)
    if offline or forbidden():
        raise UserError(
            f"{source} is not in the local cache; with a network, type 'spatialbench fetch "
            f"{source}' first, then run offline."
        )
    # Beside the cache: a commit of which the cache holds one file would pass for complete.
    with tempfile.TemporaryDirectory() as scratch:
        return _of_unet(_config(fetch_file(source, _UNET, Path(scratch))))


def _of_transformer(config: dict[str, Any]) -> Architecture:
    lab = _config(LAB_TRANSFORMER_FOLDER / _TRANSFORMER)
    same = lab and all(config.get(key) == lab.get(key) for key in _TRANSFORMER_SHAPE)
    return Architecture.LAB_TRANSFORMER if same else Architecture.SD3


def _of_unet(config: dict[str, Any]) -> Architecture:
    if not config:
        return Architecture.OTHER
    lab = _config(LAB_FOLDER / _UNET)
    if lab and all(config.get(key) == lab.get(key) for key in _SHAPE):
        return Architecture.LAB
    if config.get("addition_embed_type") == "text_time":
        return Architecture.SDXL
    width = config.get("cross_attention_dim")
    return (
        _BY_TEXT_WIDTH.get(width, Architecture.OTHER)
        if isinstance(width, int)
        else (Architecture.OTHER)
    )


def _class_name(folder: Path) -> str:
    return str(_config(folder / "model_index.json").get("_class_name"))


def _config(path: Path) -> dict[str, Any]:
    try:
        content = read_json(path)
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
