"""What may go on beside the making of images, and what it is told of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import TracebackType
from typing import Self

from ..prompts import Key
from ..runs.image_files import ImageRecord


class Alongside:
    """Nothing goes on. Picklable, so that workers can have it. It ends with its block."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    def begin(self, finished: Mapping[Key, ImageRecord], coming: Collection[Key]) -> None:
        """Images are about to be made.

        Args:
            finished: what is there already.
            coming: the images that are to be made.
        """

    def written(self, key: Key, sha256: str) -> None:
        """An image and its record are on the disk. Called on any thread."""

    def without(self, keys: Collection[Key]) -> None:
        """These images do not come."""

    def make_room(self) -> bool:
        """The device's memory does not hold an image and this: whether some was given back."""
        return False

    def check(self) -> None:
        """Raises what ended the work beside."""

    def finish(self) -> None:
        """All images are made: wait for what goes on. Raises as ``check``."""


NOTHING = Alongside()
