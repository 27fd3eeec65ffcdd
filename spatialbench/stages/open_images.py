"""Images to bytes and back."""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING

from ..files.images import UnreadableImage, read_rgb

if TYPE_CHECKING:
    from PIL import Image


def encode_png(image: Image.Image) -> bytes:
    """PNG bytes of an RGB image; the same pixels always give the same bytes.

    Raises:
        ValueError: an image of another mode.
    """
    if image.mode != "RGB":
        raise ValueError(f"the method drew an image of mode {image.mode}; expected RGB")
    plain = image.copy()
    # Whatever the image carries besides its pixels would end up in the file.
    plain.info = {}
    buffer = io.BytesIO()
    plain.save(buffer, format="PNG", compress_level=6)
    return buffer.getvalue()


def decode_png(content: bytes, sha256: str) -> Image.Image | None:
    """The RGB image in the recorded bytes; None if they are others or cannot be read."""
    if hashlib.sha256(content).hexdigest() != sha256:
        return None
    try:
        return read_rgb(content, ("PNG",))
    except UnreadableImage:
        return None
