"""Opening a picture file that somebody else may have written, in bounded memory."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

MOST_PIXELS = 1 << 26
"""8192 x 8192; the largest pictures that methods make have 2048 x 2048."""


class UnreadablePicture(ValueError):
    """The bytes are no whole picture of an accepted format; the message says why."""


def open_picture(content: bytes, formats: tuple[str, ...]) -> Image.Image:
    """The decoded first frame, in the file's own mode.

    Args:
        content: bytes of the file.
        formats: Pillow's names of what is accepted, such as ``PNG``.

    Raises:
        UnreadablePicture: anything else, or more than ``MOST_PIXELS``, which is refused by the
            header alone.
    """
    from PIL import Image, UnidentifiedImageError

    if not content:
        raise UnreadablePicture("the file is empty")
    try:
        with Image.open(io.BytesIO(content), formats=formats) as image:
            width, height = image.size
            if width * height > MOST_PIXELS:
                raise UnreadablePicture(
                    f"{width} x {height} pixels, and at most {MOST_PIXELS:,} are read"
                )
            image.load()
            # The file behind it is closed here, and a copy keeps nothing of it.
            return image.copy()
    except UnreadablePicture:
        raise
    except UnidentifiedImageError as error:
        raise UnreadablePicture(f"no whole {' or '.join(formats)}") from error
    # Its decoders raise whatever the bytes made them stumble over, struct.error and IndexError too.
    except Exception as error:
        kinds = " or ".join(formats)
        raise UnreadablePicture(f"no whole {kinds} ({error or type(error).__name__})") from error
