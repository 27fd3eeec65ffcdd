"""From the bytes that a server sent to an RGB image of the size that was asked for."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from ...errors import UserError
from ...files.images import UnreadableImage, read_rgb
from .faults import Fault

if TYPE_CHECKING:
    from PIL import Image

FORMATS = ("PNG", "JPEG", "WEBP")

Size = tuple[int, int]
"""Width and height in pixels."""


def image_of(content: bytes, size: Size | None, what: str) -> Image.Image:
    """Decode an image.

    Args:
        content: a whole file.
        size: what was asked for; None where the server chooses.
        what: whom it is from.

    Raises:
        Fault: no whole image, or one of more pixels than are read.
        UserError: an image of another size.
    """
    try:
        image = read_rgb(content, FORMATS)
    except UnreadableImage as error:
        raise Fault(f"{what} sent no image ({error})", sent=True) from None
    require_size(image.size, size, what)
    return image


def require_size(found: Size, asked: Size | None, what: str) -> None:
    """Raises UserError for a size that was not asked for."""
    if asked is not None and found != asked:
        raise UserError(
            f"{what} made an image of {found[0]} x {found[1]} pixels where {asked[0]} x {asked[1]} "
            "were asked for: give --width and --height that it can do."
        )


def from_base64(text: str, what: str) -> bytes:
    """The bytes of base64 text, also of a ``data:`` address.

    Raises:
        Fault: something else.
    """
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise Fault(f"{what} sent an image that is no base64", sent=True) from None
