"""Resizing, padding and normalising as OpenCV and mmdet do it."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from PIL import Image

from spatialbench.detectors.mask2former.preparation import MEAN, STD, prepare, resized_size
from spatialbench.detectors.mask2former.resizing import resize_bilinear

# SHA-256 of cv2.resize(image, ..., interpolation=cv2.INTER_LINEAR), OpenCV 5.0.0.
OPENCV = {
    ((512, 512), (800, 800)): "8712985333e62dff",
    ((300, 200), (123, 77)): "ec44a84f8876e73f",
    ((1500, 900), (1333, 800)): "63d1b0c0a8778c9b",
    ((37, 91), (328, 800)): "fef8a3217b96cf0b",
    ((1024, 1024), (512, 512)): "fd6c0c1a77213cc2",
}


def pattern(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    channels = [(7 * x + 13 * y) % 256, (x * y) % 256, (x * x + 3 * y) % 256]
    return np.stack(channels, -1).astype(np.uint8)


@pytest.mark.parametrize(("before", "after"), OPENCV)
def test_resizing_is_opencvs_to_the_bit(before: tuple[int, int], after: tuple[int, int]) -> None:
    resized = resize_bilinear(pattern(*before), *after)
    assert hashlib.sha256(resized.tobytes()).hexdigest()[:16] == OPENCV[before, after]


@pytest.mark.parametrize(
    ("size", "resized"),
    [
        *(((512, 512), (800, 800)), ((1024, 1024), (800, 800)), ((640, 480), (1067, 800))),
        *(((480, 640), (800, 1067)), ((2000, 500), (1333, 333)), ((64, 64), (800, 800))),
    ],
)
def test_the_image_fits_1333_by_800(size: tuple[int, int], resized: tuple[int, int]) -> None:
    assert resized_size(*size) == resized


def test_padding_is_grey_before_normalising() -> None:
    pixels, canvas = prepare(Image.new("RGB", (200, 50), (255, 0, 128)))
    assert (canvas.original, canvas.valid, canvas.padded) == ((50, 200), (333, 1333), (352, 1344))
    assert pixels.shape == (1, 3, 352, 1344)
    inside = (np.array([255, 0, 128]) - MEAN) / STD
    outside = (128 - np.array(MEAN)) / STD
    np.testing.assert_allclose(pixels[0, :, 332, 1332], inside, rtol=1e-5)
    for row, column in ((333, 0), (0, 1333), (351, 1343)):
        np.testing.assert_allclose(pixels[0, :, row, column], outside, rtol=1e-5)
