"""A function of the user's own as a method: ``(prompt text, seed) -> image``."""

from __future__ import annotations

import functools
import hashlib
import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import UserError
from ..plugins import ImageRequest, Json, Method, NoImage

if TYPE_CHECKING:
    from PIL import Image

    Draw = Callable[[str, int], Image.Image | NoImage]

VERSION = "own"
"""Stands in an identity for the version of a method that states none."""


class FunctionFailed(Exception):
    """An own function raised; the message says at which image."""


class OwnFunction(Method):
    """A function under the name that its user gave it.

    Its identity holds that name, the function's qualified name and a hash of its source where there
    is one. What else decides its images, such as weights, nobody can tell: it is *unpinned*.

    Args:
        draw: called with a prompt's text and an image's seed; any callable object.
        name: what the method is called.
        backbone: what the images are made with, as far as the user says.
        size: width and height that its images must have, in pixels; None is not asked for.
    """

    def __init__(
        self,
        draw: Draw,
        name: str,
        backbone: str | None = None,
        size: tuple[int | None, int | None] = (None, None),
    ) -> None:
        self._draw = draw
        self._name = name
        self._backbone = backbone
        self._size = size

    def identity(self) -> Json:
        """See the class."""
        asked = {
            "source": _source(self._draw),
            "backbone": self._backbone and {"name": self._backbone},
            "width": self._size[0],
            "height": self._size[1],
        }
        return {
            "method": self._name,
            "version": VERSION,
            "function": _function(self._draw).__qualname__,
            "marks": ["unpinned"],
            **{key: value for key, value in asked.items() if value is not None},
        }

    @property
    def one_by_one(self) -> bool:
        """Yes: it is called for each image."""
        return True

    def load(self) -> None:
        """Nothing to load: the function is there."""

    def generate(self, requests: Sequence[ImageRequest]) -> list[Image.Image | NoImage]:
        """One call for each image.

        Raises:
            UserError: it returns something else than an RGB image of the size asked for, or a
                ``NoImage``.
            FunctionFailed: it raises.
        """
        return [self._image(request) for request in requests]

    def _image(self, request: ImageRequest) -> Image.Image | NoImage:
        where = f"{self._name}, prompt {request.prompt.id}, image {request.index}"
        try:
            image = self._draw(request.prompt.text, request.seed)
        except UserError as error:
            raise UserError(f"{where}: {error}") from error
        except Exception as error:
            said = " ".join(str(error).split())
            raise FunctionFailed(f"{where}: {type(error).__name__}: {said}") from error
        return image if isinstance(image, NoImage) else self._checked(image, where)

    def _checked(self, image: Any, where: str) -> Image.Image:
        from PIL import Image

        if not isinstance(image, Image.Image):
            raise UserError(
                f"{where}: the function returned a {type(image).__name__}: expected a PIL image, "
                "such as pipe(prompt).images[0]."
            )
        if image.mode != "RGB":
            raise UserError(
                f"{where}: the function returned an image of mode {image.mode}: expected RGB, as "
                'image.convert("RGB") gives.'
            )
        for side, pixels, asked in zip(("width", "height"), image.size, self._size, strict=True):
            if asked is not None and pixels != asked:
                raise UserError(
                    f"{where}: the function returned an image of {side} {pixels}, and {asked} was "
                    f"asked for: give another {side}, or leave it out."
                )
        return image


def _function(draw: Any) -> Any:
    """The function or class whose code is run, out of what may be wrapped around it."""
    while isinstance(draw, functools.partial):
        draw = draw.func
    draw = inspect.unwrap(draw)
    return draw if inspect.isroutine(draw) else type(draw)


def _source(draw: Any) -> str | None:
    """16 hexadecimal digits of the SHA-256 of the source; None where there is none."""
    try:
        source = inspect.getsource(_function(draw))
    except (OSError, TypeError):
        return None
    return hashlib.sha256(source.encode()).hexdigest()[:16]
