"""Sizes and channel order of what UniDet is shown."""

from __future__ import annotations

import pytest
from PIL import Image

from spatialbench.detectors.unidet.preparation import frame_size, prepare


@pytest.mark.parametrize(
    ("size", "frame"),
    [
        *(((512, 512), (479, 479)), ((1024, 1024), (479, 479)), ((64, 64), (479, 479))),
        *(((640, 480), (480, 360)), ((480, 640), (360, 480)), ((479, 480), (479, 480))),
        *(((480, 479), (480, 479)), ((1000, 10), (480, 4))),
    ],
)
def test_the_frame_is_torchvisions(size: tuple[int, int], frame: tuple[int, int]) -> None:
    assert frame_size(*size) == frame


def test_blue_comes_first_and_nothing_is_normalised() -> None:
    pixels = prepare(Image.new("RGB", (600, 600), (10, 20, 250)))
    assert pixels.shape == (3, 479, 479)
    assert [channel.unique().tolist() for channel in pixels] == [[250.0], [20.0], [10.0]]


def test_an_image_of_the_frames_size_keeps_its_pixels() -> None:
    image = Image.effect_noise((479, 479), 80).convert("RGB")
    red = prepare(image)[2].numpy()
    assert red.astype("uint8").tobytes() == image.getchannel(0).tobytes()
