"""What a repository on the Hub says of its pipeline: from the cache, else its small files alone
are downloaded, ``model_index.json`` before all others."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from ..files.downloads import forbidden
from ..plugins import Defaults
from ..weights.hub import HubSource, Unreachable, fetch_file, snapshot_folder
from ..weights.patterns import FilePatterns
from ..weights.repository import ask, cached_files
from .architecture import Architecture, small_file
from .families import Family, named
from .families.unsupported import unsupported
from .pipeline_files import INDEX, no_pipeline, refuse_without_weights, wanted


@dataclass(frozen=True, slots=True)
class Described:
    """A pipeline, by its small files.

    Attributes:
        family: what kind of model it is.
        architecture: the same more closely.
        defaults: what it is run with, as a folder of the same files is.
        files: those of the repository that make the pipeline.
    """

    family: Family
    architecture: Architecture
    defaults: Defaults
    files: FilePatterns


def described(source: HubSource, *, offline: bool) -> Described | None:
    """What a commit says of itself; None where it is not here and the Hub cannot be asked.

    Raises:
        UserError: no such repository, one without a pipeline or with one that is not sampled here,
            or one whose weights are pickled.
    """
    cached = snapshot_folder(source)
    if (cached / INDEX).is_file():
        return _told(source, cached, cached_files(source))
    if offline or forbidden():
        return None
    from huggingface_hub import constants

    try:
        return _of_hub(constants.ENDPOINT, source)
    except Unreachable:
        return None


@functools.lru_cache(maxsize=64)
def _of_hub(endpoint: str, source: HubSource) -> Described:
    """Asked once in a process: the files of a commit never change."""
    found = ask(source.repo, source.revision)
    if INDEX not in found.files:
        raise no_pipeline(str(source), found.files, found.base, adapter=found.adapter)
    # Beside the cache: a commit of which the cache holds one file would pass for complete.
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        fetch_file(source, INDEX, folder)
        family = _family(source, folder)
        refuse_without_weights(small_file(folder / INDEX), found)
        for name in (family.config_file, *family.small_files):
            if name in found.files:
                fetch_file(source, name, folder)
        return _told(source, folder, found.files)


def _family(source: HubSource, folder: Path) -> Family:
    class_name = small_file(folder / INDEX).get("_class_name")
    family = named(class_name) if isinstance(class_name, str) else None
    if family is None:
        raise unsupported(source.repo, class_name)
    return family


def _told(source: HubSource, folder: Path, files: Collection[str]) -> Described:
    family = _family(source, folder)
    architecture = family.architecture(small_file(folder / family.config_file))
    index = small_file(folder / INDEX)
    return Described(family, architecture, family.folder_defaults(folder), wanted(index, files))
