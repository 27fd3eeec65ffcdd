"""A model that methods run on: what identifies it, its defaults, and where its files are.

Nothing here loads a model or imports a heavy library.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import NotHere
from ..files.downloads import forbidden
from ..lab import LAB_BACKBONES
from ..plugins import Defaults
from ..weights.hub import HubSource, fetch_file, snapshot_folder
from ..weights.origin import Weights
from ..weights.patterns import FilePatterns
from .architecture import Architecture, small_file
from .families import AnyPipelineFamily, Family, architecture_in

PIPELINE_FILES = FilePatterns(
    allow=("model_index.json", "*/*.json", "*/*.txt", "*/*.safetensors"),
    ignore=("*.fp16.*", "*.fp16-*", "*.non_ema.*", "safety_checker/*", "vae_1_0/*", "*openvino*"),
)
"""What a pipeline needs from a Hub repository: one precision, no pickles, no safety checker."""
ANY_PIPELINE_FILES = replace(
    PIPELINE_FILES, allow=(*PIPELINE_FILES.allow, "*/*.model", "*/*.jinja")
)
"""The same of the classes that only their own pipeline can run, with vocabularies of sentencepiece
and the templates of chats, which decide what their text encoders read."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A text-to-image model in diffusers format, under the name that a user gave.

    Attributes:
        name: ``lab``, ``sd1.4``, ..., ``org/name`` for another repository, ``local`` for a folder.
        defaults: what it is run with.
        family: what kind of model it is.
        weights: where they come from.
        known_architecture: the kind more closely; None for a repository that has to be asked.
    """

    name: str
    defaults: Defaults
    family: Family
    weights: Weights
    known_architecture: Architecture | None = None

    def architecture(self, *, offline: bool) -> Architecture:
        """What the checkpoint's own configuration says that it is.

        Raises:
            UserError: a repository that is not here and cannot be asked.
        """
        if self.known_architecture is not None:
            return self.known_architecture
        if self.weights.source is None:
            return Architecture.OTHER
        return repository_architecture(self.weights.source, self.family, offline=offline)

    @property
    def of_the_lab(self) -> bool:
        """Whether it draws the lab's world, which only the lab's detector knows."""
        return self.name in LAB_BACKBONES

    def identity(self) -> dict[str, Any]:
        """What fixes the weights: repository and commit, or a hash of the folder's files.

        Where a folder lies is no part of it. ``{"name", "source", "revision"}`` or
        ``{"name", "weights"}``; plain JSON.

        Raises:
            UserError: a folder that is missing or holds no model.
        """
        return {"name": self.name, **self.weights.identity()}

    def label(self) -> str:
        """Name and the first 7 digits of commit or hash, e.g. ``sd2.1-base@4e63672``."""
        return f"{self.name}@{self.weights.digits()}"


def pipeline_weights(
    name: str,
    sources: tuple[HubSource, ...] = (),
    folder: Path | None = None,
    files: FilePatterns = PIPELINE_FILES,
) -> Weights:
    """The weights of a pipeline; ``spatialbench fetch`` knows it by its name, or by the source.

    Args:
        files: see ``PIPELINE_FILES`` and ``ANY_PIPELINE_FILES``.
    """
    missing = (
        f"{folder} is not a diffusers pipeline (it has no model_index.json); give a folder written "
        "by save_pretrained of a text-to-image pipeline."
    )
    if name in LAB_BACKBONES:
        missing = (
            "the lab's weights are not in this installation (expected model_index.json in "
            f"{folder}); install spatialbench again, or make them with 'spatialbench lab train'."
        )
    fetched_as = name
    if name == "local" or "/" in name:
        fetched_as = str(sources[0] if sources else folder)
    return Weights(name, sources, folder, files, "model_index.json", fetched_as, missing)


def files_of(family: Family) -> FilePatterns:
    """Which files of a checkpoint of this family are the model."""
    return ANY_PIPELINE_FILES if isinstance(family, AnyPipelineFamily) else PIPELINE_FILES


def repository_architecture(source: HubSource, family: Family, *, offline: bool) -> Architecture:
    """Of a repository: from the cache, else the denoiser's configuration is downloaded and nothing
    else.

    Raises:
        UserError: it is not in the cache, and offline or the download failed.
    """
    cached = snapshot_folder(source)
    if (cached / family.config_file).is_file():
        return architecture_in(cached)
    if offline or forbidden():
        raise NotHere(
            f"{source} is not in the local cache; with a network, type 'spatialbench fetch "
            f"{source}' first, then run offline."
        )
    # Beside the cache: a commit of which the cache holds one file would pass for complete.
    with tempfile.TemporaryDirectory() as scratch:
        path = fetch_file(source, family.config_file, Path(scratch))
        return family.architecture(small_file(path))
