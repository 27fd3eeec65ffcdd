"""Guidance away from the opposite: what that is, and that it is each prompt's negative prompt."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spatialbench.errors import UserError
from spatialbench.methods.contrastive import PLUGIN, opposite_text
from spatialbench.methods.stable_diffusion import PLUGIN as SD
from spatialbench.plugins import GenerationSettings, ImageRequest
from spatialbench.prompts import Prompt

LEFT = Prompt("1", "a cat to the left of a dog", "left")
NEAR = Prompt("2", "a cat near a dog", "near")
SHORT = GenerationSettings(steps=2)


@pytest.mark.parametrize(
    ("text", "opposite"),
    [
        ("a cat to the left of a dog", "a cat to the right of a dog"),
        ("a photo of a bird below a skateboard", "a photo of a bird above a skateboard"),
        ("a bee on the top of a key", "a bee on the bottom of a key"),
        ("a cup in front of a tv", "a cup behind a tv"),
        ("a dog left of a cat and above a bench", "a dog right of a cat and below a bench"),
        ("a cat near a dog", None),
        ("a dog left of a cat and near a bench", None),
        ("a cat and a dog", None),
    ],
)
def test_every_relation_is_turned_round(text: str, opposite: str | None) -> None:
    assert opposite_text(text) == opposite


def images(plugin: Any, backbone: str, parameters: dict[str, Any], *prompts: Prompt) -> list[Any]:
    made = plugin.configure(GenerationSettings(steps=2, backbone=backbone), parameters)
    requests = [ImageRequest(prompt, 0, seed=7 + place) for place, prompt in enumerate(prompts)]
    return [np.asarray(image) for image in made.generate(requests)]


@pytest.mark.parametrize("backbone", ["lab", "lab-mmdit"])
def test_it_is_each_prompts_own_negative_prompt(backbone: str) -> None:
    """Beside the plain method, told that prompt by hand; what has no opposite is made plainly."""
    turned, plain = images(PLUGIN, backbone, {}, LEFT, NEAR)
    told = {"negative_prompt": "a cat to the right of a dog"}
    by_hand, _ = images(SD, backbone, told, LEFT, NEAR)
    sd = images(SD, backbone, {}, LEFT, NEAR)
    assert np.abs(turned.astype(int) - by_hand).max() <= 1
    assert np.abs(plain.astype(int) - sd[1]).max() <= 1
    assert np.abs(turned.astype(int) - sd[0]).max() > 5


def test_what_it_says_of_itself() -> None:
    made = PLUGIN.configure(SHORT, {})
    identity = made.identity()
    assert (identity["method"], identity["version"]) == ("contrastive", 1)
    assert identity["marks"] == ["reconstruction"] == list(PLUGIN.marks_of({}))
    assert "negative_prompt" not in identity["parameters"]
    assert made.about_prompts([LEFT]) == []
    (sentence,) = made.about_prompts([LEFT, NEAR])
    assert "1 of 2 prompts" in sentence


@pytest.mark.parametrize(
    ("settings", "parameters", "message"),
    [
        (GenerationSettings(guidance_scale=1), {}, "give a --guidance-scale above 1"),
        (
            GenerationSettings(backbone="flux1-dev"),
            {},
            "flux1-dev is of FLUX, which is told how much guidance",
        ),
        (SHORT, {"negative_prompt": "a dog"}, "unknown parameter of contrastive"),
        (SHORT, {"eta": 2}, "eta=2 is out of range"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    settings: GenerationSettings, parameters: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        PLUGIN.configure(settings, parameters)
