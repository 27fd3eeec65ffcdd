"""Depth by the ground, against the scenes of the lab's world, whose feet are known."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from spatialbench.errors import UserError
from spatialbench.lab.world import draw, sample_scene
from spatialbench.scoring.rules.constraints import DEPTH_MARGIN
from spatialbench.scoring.rules.object_depth import nearness, scaled_depth
from spatialbench.stages.depth_model import named_model
from spatialbench.stages.ground_plane import depth_model


def test_the_lower_foot_is_nearer_in_scenes_of_the_lab() -> None:
    rng = np.random.default_rng(5)
    model = depth_model(None, "cpu", True)
    right = wrong = undecided = 0
    for _ in range(300):
        drawn = draw(sample_scene(rng))
        if len(drawn.boxes) != 2 or not drawn.masks.any((1, 2)).all():
            continue
        feet = drawn.boxes[:, 3]
        if abs(feet[0] - feet[1]) < 8:
            continue
        image = Image.fromarray(drawn.image)
        (depth,) = model.estimate([image])
        assert depth.shape == (64, 64)
        assert depth.dtype == np.float32
        near = nearness(scaled_depth(model.levels(depth), 64, 64), drawn.boxes)
        if abs(near[0] - near[1]) <= DEPTH_MARGIN:
            undecided += 1
        elif (near[0] > near[1]) == (feet[0] > feet[1]):
            right += 1
        else:
            wrong += 1
    assert right > 100
    assert (wrong + undecided) / (right + wrong + undecided) < 0.03


def test_size_and_place_across_say_nothing() -> None:
    canvas = np.full((40, 80, 3), 230, np.uint8)
    canvas[10:30, 4:24] = (200, 0, 0)
    canvas[24:30, 60:66] = (0, 0, 200)
    (depth,) = depth_model(None, "cpu", True).estimate([Image.fromarray(canvas)])
    assert depth[12, 10] == depth[29, 63] == np.float32(30 / 40)
    # The floor is as near as it is low.
    np.testing.assert_allclose(depth[:, 40], np.arange(1, 41) / 40, atol=1e-6)


def test_a_larger_image_of_the_same_scene_and_one_without_anything() -> None:
    drawn = draw(sample_scene(np.random.default_rng(1)))
    small = Image.fromarray(drawn.image)
    large = small.resize((256, 256), Image.Resampling.NEAREST)
    model = depth_model(None, "cpu", True)
    here, there = model.estimate([small, large])
    card = here[1:] == here[:-1]
    assert card.any()
    np.testing.assert_allclose(there[3::4, 3::4][1:][card], here[1:][card], atol=1e-6)
    (flat,) = model.estimate([Image.new("L", (5, 7), 90)])
    np.testing.assert_allclose(flat[:, 0], np.arange(1, 8) / 7, atol=1e-6)


def test_its_name_and_that_it_has_no_weights() -> None:
    model = named_model("ground-plane", "cpu", True)
    assert model.signature() == "ground-plane@1"
    assert model.identity()["model"] == "ground-plane"
    assert not model.requirements()
    with pytest.raises(UserError, match="ground-plane has no weights: leave out ':folder'"):
        named_model("ground-plane:folder", "cpu", True)
