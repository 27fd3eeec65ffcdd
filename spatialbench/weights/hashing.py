"""The identity of model files: a hash of what is in them, never of where they lie."""

from __future__ import annotations

import functools
import hashlib
import os
import time
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import UserError
from .patterns import FilePatterns
from .variants import STEMS, chosen
from .weight_files import INDEX, indexed

_VOCABULARIES = (".model", ".tiktoken", ".bpe", ".spm")


def folder_hash(folder: Path, patterns: FilePatterns) -> str:
    """SHA-256 (hex) over the names and contents of a folder's model files.

    Names are relative to the folder, so a copy elsewhere has the same hash. Files that the
    patterns leave out (model cards, other precisions) and hidden ones decide no number, unless an
    index or a missing ``tokenizer.json`` makes them be loaded. Files are read once a process: a
    second call only looks at sizes and modification times.

    Raises:
        UserError: the folder is missing, unreadable, holds no model file, or has an index that
            leads out of it.
    """
    try:
        every = dict(_visible(folder, "", ()))
        named = {name for name in every if patterns.match(name)}
        files = sorted((name, every[name]) for name in named | _also_loaded(every, named, patterns))
        if not files:
            raise UserError(
                f"{folder} holds no model files; expected a folder with .safetensors weights and "
                ".json configurations, as save_pretrained writes it."
            )
        digest = hashlib.sha256()
        for name, path in files:
            digest.update(f"{name}\0{file_hash(path)}\n".encode())
    except OSError as error:
        raise UserError(
            f"cannot read the model folder {folder} ({error.strerror}); check the path and its "
            "permissions."
        ) from error
    return digest.hexdigest()


def _visible(folder: Path, prefix: str, above: tuple[Path, ...]) -> Iterator[tuple[str, Path]]:
    """Every file below a folder by relative name, also behind links to folders, none hidden."""
    here = folder.resolve()
    if here in above or not folder.is_dir():
        return
    for path in folder.iterdir():
        if path.name.startswith("."):
            continue
        if path.is_dir():
            yield from _visible(path, f"{prefix}{path.name}/", (*above, here))
        elif path.is_file():
            yield prefix + path.name, path


def _also_loaded(
    every: Mapping[str, Path], named: Collection[str], patterns: FilePatterns
) -> set[str]:
    """Files that no pattern names and a library loads all the same."""
    found = set()
    for name in named:
        if name.endswith(INDEX):
            parent = name.rpartition("/")[0]
            found |= {f"{parent}/{part}" if parent else part for part in indexed(every[name])}
    for parent, names in _by_folder(every).items():
        weights = chosen(names)
        # A special precision is loaded where there is nothing plain.
        if weights.variant and any(patterns.match(f"{parent}{stem}.safetensors") for stem in STEMS):
            found |= {parent + name for name in weights.names}
    for name in every:
        # Vocabularies in other formats count where tokenizer.json, which goes before, is missing.
        parent, slash, last = name.rpartition("/")
        before = f"{parent}{slash}tokenizer.json"
        if last.endswith(_VOCABULARIES) and before not in every and patterns.match(before):
            found.add(name)
    return found


def _by_folder(every: Collection[str]) -> dict[str, list[str]]:
    """Names by the folder that they are in, with its slash."""
    found: dict[str, list[str]] = {}
    for path in every:
        parent, slash, name = path.rpartition("/")
        found.setdefault(parent + slash, []).append(name)
    return found


def file_hash(path: Path) -> str:
    """SHA-256 (hex) of a file's content, read once a process while the file stays as it is."""
    now, status = time.time_ns(), path.stat()
    # Whoever writes again within one tick of the file system's clock leaves the time as it is.
    fresh = abs(now - status.st_mtime_ns) < _TICK_NS
    read = _file_hash.__wrapped__ if fresh else _file_hash
    return read(os.fspath(path), status.st_size, status.st_mtime_ns)


_TICK_NS = 2 * 10**9
"""The longest that a file system's clock may stand still: that of FAT does for two seconds."""


@functools.lru_cache(maxsize=1024)
def _file_hash(path: str, size: int, mtime_ns: int) -> str:
    """Size and time are part of the cache key: a rewritten file is read again."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def module_hash(model: Any) -> str:
    """SHA-256 (hex) over the names, types, shapes and bytes of a torch module's state."""
    import torch

    digest = hashlib.sha256()
    for name, values in sorted(model.state_dict().items()):
        digest.update(f"{name}\0{values.dtype}\0{tuple(values.shape)}\n".encode())
        flat = values.detach().cpu().contiguous().reshape(-1)
        digest.update(memoryview(flat.view(torch.uint8).numpy()))
    return digest.hexdigest()
