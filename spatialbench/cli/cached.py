"""What of ``doctor`` is about the caches: which backbones and weights are there, and how large."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import UserError
from .findings import Finding


def cached() -> list[Finding]:
    """The backbones that are in the cache, what else is in it, and the backbones that are not."""
    from ..backbones.named import names, resolve
    from ..files.downloads import cache_folder
    from ..stages.estimate import size
    from ..weights.hub import first_cached, repository_folder

    found, lacking, listed = [], [], set[Path]()
    for name in names():
        try:
            weights = resolve(name, offline=True).weights
            source = first_cached(weights.sources)
            folder = weights.folder if source is None else repository_folder(source.repo)
            if folder is None:
                lacking.append(name)
                continue
            told = f"{weights.signature()}, {size(_bytes(folder))}"
        except UserError:
            # What a repository is like cannot be told before it is here.
            lacking.append(name)
            continue
        listed.add(folder)
        found.append(Finding("ok", f"backbone {name} is here", told))
    for what, folder in (*_repositories(), *_folders(cache_folder())):
        # A download that was refused leaves an empty folder.
        if folder not in listed and (held := _bytes(folder)):
            found.append(Finding("ok", f"{what} in the cache", size(held)))
    if lacking:
        told = f"{', '.join(lacking)}; 'spatialbench fetch NAME' downloads one"
        found.append(Finding("absent", f"{len(lacking)} backbones that are not here", told))
    return found


def _repositories() -> list[tuple[str, Path]]:
    """Of the Hub's cache, by what they hold."""
    from huggingface_hub.constants import HF_HUB_CACHE

    known = {"models": "weights", "datasets": "data set"}
    found = []
    for folder in sorted(_below(Path(HF_HUB_CACHE))):
        kind, *name = folder.name.split("--")
        if kind in known and name:
            found.append((f"{known[kind]} {'/'.join(name)}", folder))
    return found


def _folders(cache: Path) -> list[tuple[str, Path]]:
    return [(f"files of {folder.name}", folder) for folder in sorted(_below(cache))]


def _below(folder: Path) -> list[Path]:
    try:
        return [one for one in folder.iterdir() if one.is_dir() and not one.name.startswith(".")]
    except OSError:
        return []


def _bytes(folder: Path) -> int:
    """Of every file below, each once: a snapshot links to what the cache keeps beside it."""
    found = 0
    for place, _, files in os.walk(folder):
        for name in files:
            path = os.path.join(place, name)
            if not os.path.islink(path):
                found += os.path.getsize(path)
    return found
