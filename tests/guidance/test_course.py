"""The course of guidance: what is kept of it, and that keeping it changes nothing."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch

from spatialbench.guidance.course import GUIDANCE, Course
from spatialbench.plugins import GenerationSettings, ImageRequest, load
from spatialbench.prompt_transforms import with_transform
from spatialbench.prompts import Prompt, Triplet
from spatialbench.relations import Relation

CAT = Prompt(
    "1", "a cat to the left of a dog", "left", Triplet("cat", Relation.LEFT, "dog"), ("cat", "dog")
)


def test_losses_are_kept_by_image_and_step() -> None:
    course = Course(["1.1", "2.1"], 2)
    course.see(0, [0, 1], torch.tensor([[1.0, 2.0], [3.0, float("nan")]]))
    course.see(4, [1], torch.tensor([[0.12345678], [float("inf")]]))
    first, second = (one[GUIDANCE] for one in course.told())
    assert first == {"layers": ["1.1", "2.1"], "steps": [0], "losses": [[1, 3]]}
    assert (second["steps"], second["losses"]) == ([0, 4], [[2, None], [0.123457, None]])
    json.dumps(course.told(), allow_nan=False)


@pytest.mark.parametrize(
    ("name", "layers", "guided"),
    [
        ("infsplign", ["1.1", "1.2", "2.1", "2.2"], [0, 1]),
        ("attend-and-excite", ["level 1"], [0]),
    ],
)
def test_recording_changes_no_pixel_and_tells_the_guided_steps(
    name: str, layers: list[str], guided: list[int]
) -> None:
    def made(*kinds: str) -> tuple[Any, Any]:
        settings = GenerationSettings(steps=2)
        method = with_transform(load("method", name).configure(settings, {}), "tore")
        assert GUIDANCE in method.recordings
        method.record(kinds)
        (image,) = method.generate([ImageRequest(CAT, 0, seed=42)])
        return np.asarray(image), list(method.recorded())

    plain, nothing = made()
    image, (told,) = made(GUIDANCE)
    assert nothing == []
    assert np.array_equal(plain, image)
    assert (told[GUIDANCE]["layers"], told[GUIDANCE]["steps"]) == (layers, guided)
    assert [len(row) for row in told[GUIDANCE]["losses"]] == [len(layers)] * len(guided)


def test_the_mean_of_the_layers_is_the_loss_that_is_differentiated() -> None:
    """Beside what the observer of a step is told."""
    method: Any = load("method", "infsplign").configure(GenerationSettings(steps=2), {})
    seen: list[float] = []
    method.observer = lambda step: seen.append(float(step.prediction.loss[0]))
    method.record([GUIDANCE])
    method.generate([ImageRequest(CAT, 0, seed=42)])
    (told,) = method.recorded()
    means = [sum(row) / len(row) for row in told[GUIDANCE]["losses"]]
    assert means == pytest.approx(seen, rel=1e-5)


def test_what_does_not_guide_has_nothing_to_record() -> None:
    assert not load("method", "sd").configure(GenerationSettings(), {}).recordings
