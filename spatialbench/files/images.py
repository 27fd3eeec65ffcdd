"""Opening an image file that somebody else may have written, in bounded memory."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

MOST_PIXELS = 1 << 26
"""8192 x 8192; the largest images that methods make have 2048 x 2048."""


ONE_COLOUR = 2
"""Levels of 255 by which no channel of an image of one colour varies."""

_ORIENTATION = 0x0112
_UPRIGHT = 1
_TURNS = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}
"""What puts an image of each EXIF orientation upright, as members of ``Image.Transpose``."""

_SIXTEEN_BITS = ("I", "I;16", "I;16L", "I;16B", "I;16N")
_MOST_OF_SIXTEEN_BITS = 0xFFFF


class UnreadableImage(ValueError):
    """The bytes are no whole image of an accepted format; the message says why."""


def open_image(content: bytes, formats: tuple[str, ...], most: int | None = None) -> Image.Image:
    """The decoded first frame, in the file's own mode.

    Args:
        content: bytes of the file.
        formats: Pillow's names of what is accepted, such as ``PNG``.
        most: pixels it may have; None for ``MOST_PIXELS``.

    Raises:
        UnreadableImage: anything else, or more than ``most`` pixels, which are refused by the
            header alone.
    """
    from PIL import Image, UnidentifiedImageError

    most = MOST_PIXELS if most is None else most
    if not content:
        raise UnreadableImage("the file is empty")
    try:
        with Image.open(io.BytesIO(content), formats=formats) as image:
            width, height = image.size
            if width * height > most:
                raise UnreadableImage(f"{width} x {height} pixels, and at most {most:,} are read")
            image.load()
            # The file behind it is closed here, and a copy keeps nothing of it.
            return image.copy()
    except UnreadableImage:
        raise
    except Image.DecompressionBombError as error:
        raise UnreadableImage(f"at most {most:,} pixels are read, and it has far more") from error
    except UnidentifiedImageError as error:
        raise UnreadableImage(f"no whole {' or '.join(formats)}") from error
    except ValueError as error:
        # Pillow speaks of its own constants, where it is the image that has too much text.
        if "MAX_TEXT" in str(error):
            raise UnreadableImage(
                "the text stored in the PNG is larger than Pillow reads; save the image again "
                "without metadata"
            ) from error
        raise UnreadableImage(f"no whole {' or '.join(formats)} ({error})") from error
    # Its decoders raise whatever the bytes made them stumble over, struct.error and IndexError too.
    except Exception as error:
        kinds = " or ".join(formats)
        raise UnreadableImage(f"no whole {kinds} ({error or type(error).__name__})") from error


def read_rgb(content: bytes, formats: tuple[str, ...], most: int | None = None) -> Image.Image:
    """What every detector and method is shown of a file; see ``to_rgb``.

    Raises:
        UnreadableImage: as ``open_image`` and ``to_rgb``.
    """
    return to_rgb(open_image(content, formats, most))


def to_rgb(image: Image.Image) -> Image.Image:
    """An opened image upright, as RGB of 8 bits.

    The EXIF orientation is applied. Of 16 bits of grey the upper 8 are taken, as OpenCV does;
    Pillow's own conversion cuts everything above 255 off. Transparency is left out.

    Raises:
        UnreadableImage: whole numbers outside 16 bits.
    """
    from PIL import Image

    turn = _TURNS.get(orientation(image))
    if turn is not None:
        image = image.transpose(Image.Transpose[turn])
    if image.mode not in _SIXTEEN_BITS:
        return image.convert("RGB")
    values = np.asarray(image)
    if values.min() < 0 or values.max() > _MOST_OF_SIXTEEN_BITS:
        raise UnreadableImage(f"grey values from {values.min()} to {values.max()}, not 16 bits")
    return Image.fromarray((values >> 8).astype(np.uint8)).convert("RGB")


def orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; 1, which is upright, where there is none that can be read."""
    try:
        found = image.getexif().get(_ORIENTATION)
    except Exception:  # As with decoders: broken EXIF raises what it likes.
        return _UPRIGHT
    return found if isinstance(found, int) and 1 <= found <= 8 else _UPRIGHT


def needs_conversion(image: Image.Image) -> bool:
    """Whether a program that ignores EXIF or cuts 16 bits off would show other pixels."""
    return image.mode in _SIXTEEN_BITS or orientation(image) != _UPRIGHT


def header_needs_conversion(path: Path, formats: tuple[str, ...]) -> bool:
    """The same of a file, by its header alone; False for what is not an image."""
    from PIL import Image

    try:
        with Image.open(path, formats=formats) as image:
            return needs_conversion(image)
    except Exception:  # As in ``open_image``; whoever reads the image says what is the matter.
        return False


def of_one_colour(image: Image.Image) -> bool:
    """Whether an RGB image shows nothing: a safety checker's black, or NaN made white or black.

    No channel varies by more than ``ONE_COLOUR`` levels.
    """
    channels: Any = image.getextrema()
    return all(high - low <= ONE_COLOUR for low, high in channels)


def one_colour_note(count: int) -> str:
    """What a report or a table says of images of one colour."""
    are = "image is" if count == 1 else "images are"
    return f"{count:,} {are} of one colour (a safety checker's black, or NaN) and show no object"
