"""The files of a run's images, for code that opens files; those in packs are copied out for it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ..prompts import Key

if TYPE_CHECKING:
    from ..runs.store import RunDirectory


class ImagePaths(Mapping[Key, Path]):
    """Path of each image, by prompt id and image index.

    An image in a pack is copied, when its path is asked for, to its name in a temporary folder that
    is there until the process ends.
    """

    def __init__(self, directory: RunDirectory, keys: Sequence[Key]) -> None:
        self._directory = directory
        self._keys = dict.fromkeys(keys)

    def __getitem__(self, key: Key) -> Path:
        if key not in self._keys:
            raise KeyError(key)
        if not self._directory.is_packed(key):
            return self._directory.image_path(*key)
        inside = self._directory.image_path(*key).relative_to(self._directory.path)
        path = self._unpacked / inside
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self._directory.read_image(key))
        return path

    def __iter__(self) -> Iterator[Key]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    @cached_property
    def _unpacked(self) -> Path:
        # Whoever takes a path need not keep this object.
        _KEPT.append(tempfile.TemporaryDirectory(prefix="spatialbench-"))
        return Path(_KEPT[-1].name)


_KEPT: list[tempfile.TemporaryDirectory[str]] = []
"""What is removed when the process ends."""
