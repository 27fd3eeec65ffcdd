"""The lab's second detector, on images whose objects are known."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from spatialbench import plugins
from spatialbench.errors import UserError
from spatialbench.lab.world import Scene, draw, sample_scene

PLUGIN = plugins.load("detector", "lab-templates")
DETECTOR = PLUGIN.configure(None, "cpu", True)


def scenes(count: int) -> list[Scene]:
    rng = np.random.default_rng(5)
    found: list[Scene] = []
    while len(found) < count:
        scene = sample_scene(rng)
        if len(scene.placements) == 2:
            found.append(scene)
    return found


def test_objects_are_found_where_they_are_drawn() -> None:
    assert DETECTOR.score_threshold is not None
    for scene in scenes(8):
        drawn = draw(scene)
        names = [one.name for one in scene.placements]
        (found,) = DETECTOR.detect([Image.fromarray(drawn.image)], [names])
        found.require_sound()
        above = found.above(DETECTOR.score_threshold)
        for name, place in zip(names, scene.placements, strict=True):
            best = above.labels.index(name)
            square = np.array([place.x, place.y, place.x + place.size, place.y + place.size])
            assert np.abs(above.boxes[best] - square).max() <= 4


def test_a_larger_image_has_boxes_in_its_own_pixels() -> None:
    (scene,) = scenes(1)
    image = Image.fromarray(draw(scene).image)
    names = [[one.name for one in scene.placements]]
    (small,) = DETECTOR.detect([image], names)
    (large,) = DETECTOR.detect([image.resize((128, 256), Image.Resampling.NEAREST)], names)
    best = large.boxes[large.scores.argmax()]
    wanted = small.boxes[small.scores.argmax()] * [2, 4, 2, 4]
    assert np.abs(best - wanted).max() <= 8
    assert (large.width, large.height) == (128, 256)


def test_nothing_is_found_in_nothing_and_no_name_finds_nothing() -> None:
    flat = Image.new("RGB", (64, 64), (220, 210, 230))
    assert len(DETECTOR.detect([flat], [["dog", "cat"]])[0]) == 0
    assert len(DETECTOR.detect([flat], [[]])[0]) == 0


def test_an_image_is_seen_alike_in_any_company() -> None:
    images = [Image.fromarray(draw(scene).image) for scene in scenes(3)]
    names = [[one.name for one in scene.placements] for scene in scenes(3)]
    together = DETECTOR.detect(images, names)
    for image, asked, found in zip(images, names, together, strict=True):
        (alone,) = DETECTOR.detect([image], [asked])
        assert alone.to_record() == found.to_record()


def test_names_of_another_world_are_refused_before_anything_is_looked_at() -> None:
    with pytest.raises(UserError, match="unknown object of lab-templates 'unicorn'"):
        DETECTOR.detect([Image.new("RGB", (64, 64))], [["unicorn"]])
    (lacks,) = DETECTOR.requirements(["unicorn", "dog"])
    assert lacks.missing is not None
    assert DETECTOR.requirements(["dog"]) == []


def test_it_has_an_identity_and_a_self_test() -> None:
    assert DETECTOR.signature().startswith(str(PLUGIN.signature_start))
    assert DETECTOR.identity()["pictograms"].startswith(DETECTOR.signature().partition("@")[2])
    assert DETECTOR.self_test().startswith("finds both objects in")
