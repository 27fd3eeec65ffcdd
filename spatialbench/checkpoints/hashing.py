"""The identity of model files: a hash of what is in them, never of where they lie."""

from __future__ import annotations

import functools
import hashlib
import os
from pathlib import Path

from ..errors import UserError
from .patterns import FilePatterns


def folder_hash(folder: Path, patterns: FilePatterns) -> str:
    """SHA-256 (hex) over the names and contents of a folder's model files.

    Names are relative to the folder, so a copy elsewhere has the same hash. Files that the
    patterns leave out (model cards, other precisions) and hidden ones decide no number. Files are
    read once a process: a second call only looks at sizes and modification times.

    Raises:
        UserError: the folder is missing, unreadable, or holds no model file.
    """
    try:
        files = sorted(
            (name, path)
            for path in folder.rglob("*")
            if patterns.match(name := path.relative_to(folder).as_posix())
            and not name.startswith(".")
            and "/." not in name
            and path.is_file()
        )
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


def file_hash(path: Path) -> str:
    """SHA-256 (hex) of a file's content, read once a process while the file stays as it is."""
    status = path.stat()
    return _file_hash(os.fspath(path), status.st_size, status.st_mtime_ns)


@functools.lru_cache(maxsize=1024)
def _file_hash(path: str, size: int, mtime_ns: int) -> str:
    """Size and time are part of the cache key: a rewritten file is read again."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
