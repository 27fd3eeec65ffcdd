"""Where the images of a run lie: in files of their own, or in packs. Nobody else has to know.

A file comes before what a pack has of the same image: whoever writes into a pack removes the file.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ..files.regular_files import folder_below, open_regular, remove_below
from ..prompts import Key
from .files import SCRATCH, make_folder, write_atomic
from .image_files import SUFFIX, unlike_recorded
from .names import safe_id
from .pack_writer import PackWriter
from .packs import packs_of
from .record_lines import Notice, Record


@dataclass(frozen=True)
class ImageStore:
    """The images of a run.

    Attributes:
        path: the run directory.
        packing: whether images that are made go into packs.
    """

    path: Path
    packing: bool = False

    @property
    def images(self) -> Path:
        """Folder of the images."""
        return self.path / "images"

    @property
    def scratch(self) -> Path:
        """Where files are written before they are renamed into place."""
        return self.path / SCRATCH

    def image_path(self, prompt_id: str, index: int) -> Path:
        """``images/<prompt id>/<k>.png``; never outside the run directory.

        An image in a pack has no such file; ``is_packed`` tells.

        Raises:
            UserError: a prompt id that cannot be a folder name.
        """
        return self.images / safe_id(prompt_id) / f"{index:d}{SUFFIX}"

    def is_packed(self, key: Key) -> bool:
        """Whether an image that is there has no file of its own."""
        return not os.path.lexists(self.image_path(*key))

    def write_image(self, key: Key, content: bytes, seed: int | None) -> Record:
        """Write one image file and return its record, which makes it finished once appended.

        ``seed`` is None where nobody knows it.

        Raises:
            UserError: no space, no permission, or a symbolic link where a folder should be.
        """
        path = self.image_path(*key)
        make_folder(path.parent, self.path)
        write_atomic(path, content, self.scratch)
        return image_record(key, content, seed)

    def image_writer(self) -> ImageWriter:
        """What writes the images of one worker, into files or into a pack of its own."""
        return PackingWriter(self) if self.packing else ImageWriter(self)

    def read_image(self, key: Key, sha256: str | None = None) -> bytes:
        """The bytes of an image, wherever it lies.

        Args:
            key: the image.
            sha256: see ``Packs.read``.

        Raises:
            UserError: a symbolic link on the way.
            OSError: no such image, or one that cannot be read.
            ValueError: no regular file.
        """
        try:
            return self._read_file(key)
        except FileNotFoundError:
            pass
        try:
            return packs_of(self.path).read(key, sha256)
        except FileNotFoundError:
            # It was unpacked in this moment, or it is nowhere.
            return self._read_file(key)

    def _read_file(self, key: Key) -> bytes:
        with open_regular(self.image_path(*key), self.path) as file:
            return file.read()

    def place_image(self, key: Key, target: Path) -> None:
        """Put an image into a file that is not there: linked where there is a file of its own.

        Raises:
            UserError: a symbolic link on the way to the image.
            OSError: no such image, or the disk refuses.
        """
        source = self.image_path(*key)
        try:
            with folder_below(self.path, source.parent) as there:
                os.link(source.name, target, src_dir_fd=there, follow_symlinks=False)
        except OSError:
            target.write_bytes(self.read_image(key))

    def unlike_recorded(
        self, sizes: Iterable[tuple[Key, int]], notice: Notice, written: int
    ) -> tuple[list[Key], list[Key]]:
        """The images that are gone or of another size, and those that changed afterwards.

        Args:
            sizes: the images to look for, and their recorded sizes in bytes.
            notice: told of packs that are damaged.
            written: when the records were written, in nanoseconds.

        Raises:
            UserError: a folder that may not be read, a symbolic link in place of a pack.
        """
        packed = packs_of(self.path).found(notice)
        return unlike_recorded(self.path, self.images, sizes, packed, written)

    def discard(self, keys: list[Key]) -> None:
        """Remove images that cannot be read; they then count as missing.

        Of one in a pack that is noted in a pack of its own.
        """
        packs = packs_of(self.path)
        with PackWriter(self.path) as writer:
            for key in keys:
                remove_below(self.path, self.image_path(*key))
            writer.append([(key, b"") for key in keys if packs.has(key)])


class ImageWriter:
    """Writes images into files of their own; used as a block. Safe to share among threads."""

    def __init__(self, store: ImageStore) -> None:
        self._store = store

    def write(self, key: Key, content: bytes, seed: int | None) -> Record:
        """Put an image on the disk; see ``ImageStore.write_image``."""
        return self._store.write_image(key, content, seed)

    def close(self) -> None:
        """The last image is written."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class PackingWriter(ImageWriter):
    """Writes images into a pack of its own."""

    def __init__(self, store: ImageStore) -> None:
        super().__init__(store)
        self._pack = PackWriter(store.path)

    def write(self, key: Key, content: bytes, seed: int | None) -> Record:
        """See ``ImageStore.write_image``; a file of the same image is removed."""
        self._pack.append([(key, content)])
        remove_below(self._store.path, self._store.image_path(*key))
        return image_record(key, content, seed)

    def close(self) -> None:
        """Close the pack."""
        self._pack.close()


def image_record(key: Key, content: bytes, seed: int | None) -> Record:
    """The record of an image that has these bytes."""
    return {
        "prompt_id": key[0],
        "index": key[1],
        "seed": seed,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
