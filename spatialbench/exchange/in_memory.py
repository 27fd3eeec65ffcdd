"""Images in memory, or in files anywhere, as a source: each says itself which image it is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UserError
from ..files.images import to_rgb
from ..files.regular_files import open_regular
from ..plugins.layout import Placed
from ..prompts import Key
from ..stages.open_images import encode_png
from .sources import LARGEST, Source

if TYPE_CHECKING:
    from PIL import Image

    Images = Mapping[Key, Image.Image | Path | str]

LAYOUT = "python"
"""What stands for the layout in a run of such images."""


def source_in_memory(images: Images) -> tuple[Source, dict[str, Placed]]:
    """The images as files, named by prompt id and index, and which image each of them is.

    Raises:
        UserError: something else as a key or as an image.
    """
    named: dict[str, Image.Image | Path | str] = {}
    placed: dict[str, Placed] = {}
    for key, image in images.items():
        if not (isinstance(key, tuple) and tuple(map(type, key)) == (str, int)):
            raise UserError(
                f"{key!r} does not say which image it is: expected a prompt's id and an index "
                'from 0 on, as in {("1103", 0): image}.'
            )
        named["/".join(map(str, key))] = image
        placed["/".join(map(str, key))] = key

    def read(name: str) -> bytes:
        return _content(name, named[name])

    return Source(Path("the images given"), tuple(sorted(named)), 0, read), placed


def _content(name: str, image: Image.Image | Path | str) -> bytes:
    from PIL import Image

    if isinstance(image, Image.Image):
        return encode_png(to_rgb(image))
    if not isinstance(image, str | Path):
        raise UserError(
            f"image {name} is a {type(image).__name__}: expected a PIL image or the path of one."
        )
    try:
        with open_regular(Path(image)) as file:
            content = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        raise UserError(
            f"image {name}, {image}, cannot be read ({error}): give another path."
        ) from error
    if len(content) > LARGEST:
        raise UserError(
            f"image {name}, {image}, is larger than {LARGEST >> 20} MB, which no image of a "
            "benchmark is: give another path."
        )
    return content
