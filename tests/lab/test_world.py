"""Scenes are what they say they are: boxes, masks, layouts and wording agree."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatialbench.lab.captions import held_out
from spatialbench.lab.pictograms import NAMES
from spatialbench.lab.world import (
    RELATION_ACCURACY,
    SIDE,
    Placement,
    Scene,
    backdrop,
    draw,
    sample_scene,
    scene_of,
)
from spatialbench.prompts import with_article
from spatialbench.relations import Relation, find_relations

seeds = st.integers(0, 2**32 - 1)


@given(seeds)
def test_boxes_are_the_tight_bounds_of_the_masks(seed: int) -> None:
    drawing = draw(sample_scene(np.random.default_rng(seed)))
    assert drawing.image.shape == (SIDE, SIDE, 3)
    for mask, (x0, y0, x1, y1) in zip(drawing.masks, drawing.boxes.astype(int), strict=True):
        assert mask[y0:y1, x0:x1].sum() == mask.sum() > 0
        assert mask[y0].any()
        assert mask[y1 - 1].any()
        assert mask[:, x0].any()
        assert mask[:, x1 - 1].any()


@given(seeds)
def test_pixels_outside_all_squares_are_the_background(seed: int) -> None:
    scene = sample_scene(np.random.default_rng(seed))
    outside = np.ones((SIDE, SIDE), bool)
    for p in scene.placements:
        outside[p.y : p.y + p.size, p.x : p.x + p.size] = False
    expected = np.rint(backdrop(scene.backdrop)).astype(np.uint8)
    assert (draw(scene).image[outside] == expected[outside]).all()


@given(seeds, st.sampled_from([r for r in Relation if r.axis in ("x", "y")]))
def test_a_layout_shows_its_relation_and_no_overlap(seed: int, shown: Relation) -> None:
    scene = scene_of(np.random.default_rng(seed), ["dog", "cat"], shown, shown)
    a, b = scene.placements
    along = {"x": (a.x, b.x), "y": (a.y, b.y)}[shown.axis or ""]
    if shown in (Relation.LEFT, Relation.ABOVE):
        assert along[0] + a.size <= along[1]
    else:
        assert along[1] + b.size <= along[0]
    drawing = draw(scene)
    assert not (drawing.masks[0] & drawing.masks[1]).any()


@given(seeds)
def test_the_caption_names_the_objects_in_order(seed: int) -> None:
    scene = sample_scene(np.random.default_rng(seed))
    position = 0
    for name in scene.called:
        position = scene.caption.index(with_article(name), position) + len(name)
    found = [match.relation for match in find_relations(scene.caption)]
    assert found == ([scene.relation] if scene.relation else [])


def test_captions_are_right_as_often_as_the_world_says() -> None:
    rng = np.random.default_rng(0)
    right = total = 0
    for _ in range(6000):
        scene = sample_scene(rng)
        if scene.relation is None or scene.relation is Relation.NEAR:
            continue
        (a, b), total = scene.placements, total + 1
        gap = (b.x - a.x) if scene.relation.axis == "x" else (b.y - a.y)
        right += (gap > 0) == (scene.relation in (Relation.LEFT, Relation.ABOVE))
    # Three standard errors at about 3,000 captions.
    assert right / total == pytest.approx(RELATION_ACCURACY, abs=3 * (0.25 / total) ** 0.5)


def test_held_out_pairs_are_symmetric_about_one_in_twenty_and_never_captioned() -> None:
    pairs = list(itertools.combinations(NAMES, 2))
    kept = [pair for pair in pairs if held_out(*pair)]
    assert len(kept) / len(pairs) == pytest.approx(1 / 20, abs=0.012)
    assert all(held_out(b, a) for a, b in kept)
    rng = np.random.default_rng(3)
    for _ in range(3000):
        names = [p.name for p in sample_scene(rng).placements]
        assert len(names) == 1 or not held_out(*names)


def test_the_world_holds_the_names_of_the_benchmarks() -> None:
    from spatialbench.plugins import load

    visor = load("benchmark", "visor")
    wanted = {name for prompt in visor.prompts("single") for name in visor.labels(prompt)}
    assert len(wanted) == 80
    assert wanted <= set(NAMES)
    assert len(NAMES) == len(set(NAMES)) == 106


def test_drawings_differ_from_each_other() -> None:
    """No two names are drawn alike: nearest neighbours are far apart in mean pixel difference."""
    tiles = []
    for name in NAMES:
        scene = Scene((Placement(name, 24, 20, 20, False, 1.0),), name, (name,), None, 5)
        tiles.append(draw(scene).image[20:44, 20:44].astype(float))
    for i, j in itertools.combinations(range(len(NAMES)), 2):
        assert np.abs(tiles[i] - tiles[j]).mean() > 12, (NAMES[i], NAMES[j])


def test_a_scene_is_decided_by_its_seed() -> None:
    first, second = (draw(sample_scene(np.random.default_rng(8))) for _ in range(2))
    assert (first.image == second.image).all()
