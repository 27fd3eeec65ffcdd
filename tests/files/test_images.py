"""Every kind of image file comes out upright, as RGB of 8 bits, or is refused with the reason."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps, PngImagePlugin

from spatialbench.files import images
from spatialbench.files.images import (
    MOST_PIXELS,
    UnreadableImage,
    needs_conversion,
    of_one_colour,
    open_image,
    read_rgb,
)

FORMATS = ("PNG", "JPEG", "WEBP")
ORIENTATION = 0x0112


def noise(width: int = 7, height: int = 5) -> Image.Image:
    pixels = np.random.default_rng(3).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def saved(image: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def oriented(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return exif


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_exif_orientation_is_applied_as_pillow_does(form: str, orientation: int) -> None:
    options = {"lossless": True} if form == "WEBP" else {}
    content = saved(noise(), form, exif=oriented(orientation), **options)
    with Image.open(io.BytesIO(content)) as opened:
        expected = ImageOps.exif_transpose(opened).convert("RGB")
    found = read_rgb(content, FORMATS)
    assert found.size == expected.size == ((5, 7) if orientation > 4 else (7, 5))
    assert found.tobytes() == expected.tobytes()
    assert needs_conversion(open_image(content, FORMATS)) is (orientation != 1)


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_is_none_turns_nothing(orientation: int) -> None:
    content = saved(noise(), exif=oriented(orientation))
    assert read_rgb(content, FORMATS).tobytes() == noise().tobytes()


def test_an_orientation_in_xmp(tmp_path: Any) -> None:
    """As Lightroom writes it; Pillow reads it where there is no EXIF."""
    text = PngImagePlugin.PngInfo()
    xmp = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><a tiff:Orientation="6"/></x:xmpmeta>'
    text.add_itxt("XML:com.adobe.xmp", xmp)
    assert read_rgb(saved(noise(), pnginfo=text), FORMATS).size == (5, 7)


@pytest.mark.parametrize("turned", [False, True])
def test_sixteen_bits_of_grey_keep_their_upper_eight(turned: bool) -> None:
    values = np.array([[0, 255, 256], [32767, 32768, 65535]], dtype=np.uint16)
    options: dict[str, Any] = {"exif": oriented(3)} if turned else {}
    content = saved(Image.fromarray(values), **options)
    expected = np.array([[0, 0, 1], [127, 128, 255]], dtype=np.uint8)
    if turned:
        expected = expected[::-1, ::-1]
    found = np.asarray(read_rgb(content, FORMATS))
    assert found.shape == (2, 3, 3)
    assert (found == expected[..., None]).all()
    assert needs_conversion(open_image(content, FORMATS))


def test_whole_numbers_beyond_sixteen_bits_are_refused() -> None:
    wide = Image.fromarray(np.array([[0, 65536]], dtype=np.int32))
    with pytest.raises(UnreadableImage, match="not 16 bits"):
        images.to_rgb(wide)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK"])
def test_other_modes_look_as_pillow_shows_them(mode: str) -> None:
    image = noise().convert(mode)
    content = saved(image, "JPEG" if mode == "CMYK" else "PNG")
    with Image.open(io.BytesIO(content)) as opened:
        expected = opened.convert("RGB").tobytes()
    assert read_rgb(content, FORMATS).tobytes() == expected
    assert not needs_conversion(open_image(content, FORMATS))


def test_of_moving_images_the_first_is_taken() -> None:
    second = ImageOps.invert(noise())
    for form, options in (("PNG", {}), ("WEBP", {"lossless": True})):
        content = saved(noise(), form, save_all=True, append_images=[second], **options)
        assert read_rgb(content, FORMATS).tobytes() == noise().tobytes()


@pytest.mark.parametrize("kind", ["zTXt", "iTXt"])
def test_much_text_in_a_png_is_the_reason_given(kind: str) -> None:
    text = PngImagePlugin.PngInfo()
    add = text.add_text if kind == "zTXt" else text.add_itxt
    add("workflow", "a" * (2 << 20), zip=True)
    with pytest.raises(UnreadableImage, match="text stored in the PNG is larger"):
        open_image(saved(noise(), pnginfo=text), FORMATS)


def test_the_pixel_limit_is_the_last_that_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MOST_PIXELS == 67_108_864
    monkeypatch.setattr(images, "MOST_PIXELS", 35)
    assert open_image(saved(noise(7, 5)), FORMATS).size == (7, 5)
    with pytest.raises(UnreadableImage, match="36 x 1 pixels, and at most 35 are read"):
        open_image(saved(noise(36, 1)), FORMATS)


@pytest.mark.parametrize(
    ("low", "high", "blank"),
    [(0, 0, True), (255, 255, True), (90, 90, True), (10, 12, True), (10, 13, False)],
)
def test_images_of_one_colour(low: int, high: int, blank: bool) -> None:
    pixels = np.full((4, 4, 3), low, dtype=np.uint8)
    pixels[1, 2, 1] = high
    assert of_one_colour(Image.fromarray(pixels)) is blank


def test_a_colour_is_one_colour() -> None:
    assert of_one_colour(Image.new("RGB", (4, 4), (200, 10, 40)))
    assert not of_one_colour(noise())
