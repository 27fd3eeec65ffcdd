"""What the detector is taught: one patch an object, the right class, the exact box."""

from __future__ import annotations

import numpy as np
import torch

from spatialbench.lab.pictograms import NAMES
from spatialbench.lab.training.detector import _patches_near, detection_losses, normalise, spoil
from spatialbench.lab.world import SIDE, draw, scene_of


def test_a_perfect_answer_costs_nothing() -> None:
    scene = scene_of(np.random.default_rng(0), ["dog", "kite"], None, None)
    drawing = draw(scene)
    logits = torch.full((1, 64, len(NAMES)), -50.0)
    boxes = torch.zeros(1, 64, 4)
    for placement, (x0, y0, x1, y1) in zip(scene.placements, drawing.boxes / SIDE, strict=True):
        x, y = (x0 + x1) / 2, (y0 + y1) / 2
        patch = int(y * 8) * 8 + int(x * 8)
        logits[0, patch, NAMES.index(placement.name)] = 50.0
        boxes[0, patch] = torch.tensor([x, y, x1 - x0, y1 - y0])
    losses = detection_losses(logits, boxes, [scene], [drawing])
    assert losses["classes"] < 1e-4
    assert losses["boxes"] < 1e-5
    wrong = detection_losses(logits.roll(1, -1), boxes, [scene], [drawing])
    assert wrong["classes"] > 10


def test_the_patch_that_holds_a_point_may_always_claim_it() -> None:
    rng = np.random.default_rng(0)
    for x, y in rng.random((300, 2)):
        near = _patches_near(float(x), float(y), 8)
        assert int(y * 8) * 8 + int(x * 8) in near
        assert len(near) <= 4


def test_spoiling_keeps_range_and_grey_levels() -> None:
    images = torch.rand(6, 3, SIDE, SIDE) * 2 - 1
    spoiled = spoil(np.random.default_rng(0), images)
    assert spoiled.min() >= -1
    assert spoiled.max() <= 1
    levels = (spoiled + 1) * 127.5
    assert torch.allclose(levels, levels.round(), atol=1e-3)


def test_normalisation_is_the_image_processors() -> None:
    from PIL import Image
    from transformers import OwlViTImageProcessorPil

    pixels = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    processor = OwlViTImageProcessorPil(size={"height": SIDE, "width": SIDE})
    expected = processor(Image.fromarray(pixels), return_tensors="pt").pixel_values
    mine = normalise(torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 127.5 - 1)
    assert torch.allclose(mine, expected, atol=1e-5)
