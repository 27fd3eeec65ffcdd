"""The kinds of model that a backbone can be; a family is chosen when a backbone is resolved.

What has only a pipeline asks :func:`of_pipeline`.
"""

from __future__ import annotations

from pathlib import Path

from ..architecture import Architecture, small_file
from .any_pipeline import AnyPipelineFamily, any_pipeline
from .base import Embedding, Family, Parts, Pipeline
from .flux import FLUX
from .pipeline_classes import TEXT_TO_IMAGE
from .sd3 import SD3
from .unet import UNET
from .unsupported import unsupported

__all__ = [
    "CLASSES",
    "FAMILIES",
    "FLUX",
    "SD3",
    "UNET",
    "AnyPipelineFamily",
    "Embedding",
    "Family",
    "Parts",
    "Pipeline",
    "architecture_in",
    "family_in",
    "named",
    "of_pipeline",
    "supported",
]

FAMILIES: tuple[Family, ...] = (UNET, SD3, FLUX)
"""Those whose insides methods act on; every other class is an ``AnyPipelineFamily`` of its own."""
CLASSES = tuple(sorted(TEXT_TO_IMAGE))
"""Every class of pipelines that some family knows."""


def named(class_name: str) -> Family | None:
    """The family that a class of pipelines belongs to, if any does."""
    known = next((family for family in FAMILIES if family.knows(class_name)), None)
    return known or any_pipeline(class_name)


def supported(class_name: str, where: str) -> Family:
    """The family that a class of pipelines belongs to.

    Args:
        where: what names the class, for the message: a folder or a repository.

    Raises:
        UserError: none, with what the class does instead.
    """
    family = named(class_name)
    if family is None:
        raise unsupported(where, class_name)
    return family


def family_in(folder: Path) -> Family:
    """The family of a diffusers folder, by its description; Stable Diffusion's where none says.

    What is no pipeline at all is refused when it is identified or loaded.

    Raises:
        UserError: a pipeline of a class that does not make an image of a text alone.
    """
    class_name = small_file(folder / "model_index.json").get("_class_name")
    if isinstance(class_name, list):
        raise unsupported(str(folder), class_name)
    return supported(class_name, str(folder)) if isinstance(class_name, str) else UNET


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
