"""What a model needs of an image, worked out ahead on another thread while it looks at others."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from PIL import Image

Prepared = TypeVar("Prepared")


class Ahead(Generic[Prepared]):
    """Images prepared by a function that runs on any thread and gives the same on each.

    Safe among threads. What was prepared lives no longer than its image.
    """

    def __init__(self, prepare: Callable[[Image.Image], Prepared]) -> None:
        self._prepare = prepare
        self._there: dict[int, tuple[weakref.ref[Any], Prepared]] = {}

    def begin(self, image: Image.Image) -> None:
        """Prepare an image now; ``of`` then has it for this very object."""
        place, there = id(image), self._there
        prepared = self._prepare(image)
        there[place] = weakref.ref(image, lambda _: there.pop(place, None)), prepared

    def of(self, image: Image.Image) -> Prepared:
        """The image prepared, once: whoever asks again has it prepared again."""
        held = self._there.pop(id(image), None)
        return self._prepare(image) if held is None else held[1]
