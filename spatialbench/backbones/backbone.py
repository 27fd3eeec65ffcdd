"""A model that methods run on: what identifies it, its defaults, and where its files are.

Nothing here loads a model or imports a heavy library.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..lab import LAB_BACKBONES
from ..weights.hashing import folder_hash
from ..weights.hub import HubSource, first_cached, locate
from ..weights.patterns import FilePatterns
from .architecture import Architecture, repository_architecture
from .family import Family

PIPELINE_FILES = FilePatterns(
    allow=("model_index.json", "*/*.json", "*/*.txt", "*/*.safetensors"),
    ignore=("*.fp16.*", "*.fp16-*", "*.non_ema.*", "safety_checker/*", "vae_1_0/*", "*openvino*"),
)
"""What a pipeline needs from a Hub repository: one precision, no pickles, no safety checker."""


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a backbone is run with unless the user says otherwise.

    ``scheduler`` is a name of :mod:`~spatialbench.backbones.schedulers`; ``own`` is the one in
    the checkpoint. ``width`` and ``height`` are pixels; None is the checkpoint's own size. A
    FLUX model with ``guidance_scale`` 0 takes none. ``text_length`` is how many tokens of T5 a
    transformer reads, or rows of zeros where it has no T5; 0 is none.
    """

    steps: int = 50
    guidance_scale: float = 7.5
    scheduler: str = "own"
    width: int | None = None
    height: int | None = None
    text_length: int | None = None


@dataclass(frozen=True, slots=True)
class Backbone:
    """A text-to-image model in diffusers format.

    Attributes:
        name: ``lab``, ``sd1.4``, ..., ``org/name`` for another repository, ``local`` for a folder.
        summary: one line for lists.
        defaults: what it is run with.
        sources: Hub repositories that hold the same weights, the preferred one first.
        folder: where a backbone that is no repository lies.
        family: what kind of model it is.
        known_architecture: the same more closely; None for a repository that has to be asked.
    """

    name: str
    summary: str
    defaults: Defaults
    sources: tuple[HubSource, ...] = ()
    folder: Path | None = None
    family: Family = Family.UNET
    known_architecture: Architecture | None = None

    def architecture(self, *, offline: bool) -> Architecture:
        """What the checkpoint's own configuration says that it is.

        Raises:
            UserError: a repository that is not here and cannot be asked.
        """
        if self.known_architecture is not None:
            return self.known_architecture
        if self.source is None:
            return Architecture.OTHER
        return repository_architecture(self.source, offline=offline)

    @property
    def of_the_lab(self) -> bool:
        """Whether it draws the lab's world, which only the lab's detector knows."""
        return self.name in LAB_BACKBONES

    @property
    def source(self) -> HubSource | None:
        """The repository in use: the first that is in the cache, else the first."""
        return (first_cached(self.sources) or self.sources[0]) if self.sources else None

    @property
    def fetch_name(self) -> str:
        """What ``spatialbench fetch`` calls it."""
        named = self.name != "local" and "/" not in self.name
        return self.name if named else str(self.source or self.folder)

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
        if self.of_the_lab:
            raise UserError(
                "the lab's weights are not in this installation (expected model_index.json in "
                f"{self.folder}); install spatialbench again, or make them with "
                "'spatialbench lab train'."
            )
        raise UserError(
            f"{self.folder} is not a diffusers pipeline (it has no model_index.json); give a "
            "folder written by save_pretrained of a Stable Diffusion, SD3 or FLUX pipeline."
        )
