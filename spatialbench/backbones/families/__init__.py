"""The kinds of model that a backbone can be; a family is chosen when a backbone is resolved.

What has only a pipeline asks :func:`of_pipeline`.
"""

from __future__ import annotations

from pathlib import Path

from ..architecture import Architecture, small_file
from .base import Embedding, Family, Parts, Pipeline
from .flux import FLUX
from .sd3 import SD3
from .unet import UNET

__all__ = [
    "CLASSES",
    "FAMILIES",
    "FLUX",
    "SD3",
    "UNET",
    "Embedding",
    "Family",
    "Parts",
    "Pipeline",
    "architecture_in",
    "family_in",
    "named",
    "of_pipeline",
]

FAMILIES: tuple[Family, ...] = (UNET, SD3, FLUX)
CLASSES = tuple(name for family in FAMILIES for name in family.classes)
"""Every class of pipelines that some family knows."""


def named(class_name: str) -> Family | None:
    """The family that a class of pipelines belongs to, if any does."""
    return next((family for family in FAMILIES if family.knows(class_name)), None)


def family_in(folder: Path) -> Family:
    """The family of a diffusers folder, by its description; Stable Diffusion's where none says.

    What is no pipeline at all is refused when it is identified or loaded.
    """
    return named(str(small_file(folder / "model_index.json").get("_class_name"))) or UNET


def architecture_in(folder: Path) -> Architecture:
    """What the configuration in a diffusers folder says that it is; see ``Architecture``."""
    family = family_in(folder)
    return family.architecture(small_file(folder / family.config_file))


def of_pipeline(pipe: Pipeline) -> Family:
    """The family of a pipeline, by its class or one that this inherits from.

    Raises:
        KeyError: no family knows it.
    """
    for kind in type(pipe).__mro__:
        if (family := named(kind.__name__)) is not None:
            return family
    raise KeyError(type(pipe).__name__)
