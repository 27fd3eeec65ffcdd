"""Canary images for an OWL-ViT: a detector that fails them is broken, whatever it would score."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from spatialbench.errors import UserError

if TYPE_CHECKING:
    from spatialbench.plugins import Detector

SCENES = 16
NEEDED = 12
"""Of the lab's scenes, how many must show both objects: far below what sound weights reach."""

THRESHOLD = 0.1


def lab_canary(detector: Detector) -> str:
    """Look for both objects in scenes of the lab's world, drawn by a fixed seed.

    Raises:
        UserError: fewer than ``NEEDED`` of ``SCENES`` show both above VISOR's threshold.
    """
    from spatialbench.lab.world import Scene, draw, sample_scene

    rng = np.random.default_rng(0)
    scenes: list[Scene] = []
    while len(scenes) < SCENES:
        scene = sample_scene(rng)
        if len(scene.placements) == 2:
            scenes.append(scene)
    images = [Image.fromarray(draw(scene).image) for scene in scenes]
    names = [[placement.name for placement in scene.placements] for scene in scenes]
    found = detector.detect(images, names)
    both = sum(
        set(asked) <= set(seen.above(THRESHOLD).labels)
        for asked, seen in zip(names, found, strict=True)
    )
    if both < NEEDED:
        raise UserError(
            f"finds both objects in {both} of {SCENES} images of the lab, expected at least "
            f"{NEEDED}: its weights are not the lab detector's; install spatialbench again."
        )
    return f"finds both objects in {both} of {SCENES} images of the lab"


def plain_canary(detector: Detector) -> str:
    """Look at a grey and at a noisy image: a detector that sees must not answer alike.

    No photograph is shipped, so nothing can be said about finding objects.

    Raises:
        UserError: the same boxes and scores for both images.
    """
    noise = np.random.default_rng(0).integers(0, 256, (96, 128, 3), dtype=np.uint8)
    images = [Image.new("RGB", (128, 96), (128, 128, 128)), Image.fromarray(noise)]
    grey, noisy = detector.detect(images, [["dog", "cat"]] * 2)
    if len(grey) == len(noisy) > 0 and np.array_equal(grey.scores, noisy.scores):
        raise UserError(
            "gives the same answer to a grey and to a noisy image: its weights are damaged; "
            "delete them from the cache and fetch them again."
        )
    return f"answers soundly to two plain images ({len(grey)} and {len(noisy)} weak boxes)"
