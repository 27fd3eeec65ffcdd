"""Guiding all relations of a prompt: against each of them alone, on UNets and transformers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from spatialbench import plugins
from spatialbench.backbones.families import SD3
from spatialbench.errors import UserError
from spatialbench.methods.infsplign import PLUGIN
from spatialbench.methods.infsplign.denoiser import guided
from spatialbench.methods.infsplign.gradient import GuidedPrediction
from spatialbench.methods.infsplign.guide import GuidedStep
from spatialbench.methods.infsplign.joint_denoiser import guided_transformer
from spatialbench.methods.infsplign.placement import placed_relations
from spatialbench.methods.infsplign.settings import read_settings
from spatialbench.plugins import GenerationSettings, ImageRequest
from spatialbench.prompts import Prompt, Triplet
from spatialbench.relations import Relation
from tests.methods.batches import assert_batch_mates_change_nothing
from tests.tiny_models import save_pipeline, sharpened, tiny_sd
from tests.tiny_sd3 import tiny_sd3

TRIPLETS = (Triplet("dog", Relation.LEFT, "cat"), Triplet("dog", Relation.ABOVE, "bench"))
BOTH = Prompt(
    "1",
    "a dog left of a cat and above a bench",
    "two",
    TRIPLETS[0],
    ("dog", "cat", "bench"),
    {"triplets": TRIPLETS},
)
ALONE = [replace(BOTH, triplet=triplet, objects=(), facts={}) for triplet in TRIPLETS]


class Guided:
    """The first guided step of a tiny pipeline in float64, from given latents."""

    def __init__(self, transformer: bool) -> None:
        self.transformer = transformer
        pipe = tiny_sd3() if transformer else sharpened(tiny_sd())
        self.pipe = pipe.to(torch.float64)
        self.pipe.set_progress_bar_config(disable=True)
        model = self.pipe.transformer if transformer else self.pipe.unet
        side = 32 // self.pipe.vae_scale_factor
        generator = torch.Generator().manual_seed(0)
        shape = (1, model.config.in_channels, side, side)
        self.noise = torch.randn(shape, generator=generator, dtype=torch.float64)

    def __call__(
        self, prompts: list[Prompt], noise: torch.Tensor | None = None, relations: str = "all"
    ) -> GuidedPrediction:
        seen: list[GuidedStep] = []
        asked: dict[str, Any] = {"relations": relations, "end": "1"}
        if self.transformer:
            given = read_settings({"blocks": "1,2", **asked}, "", 2, family=SD3)
            guide = guided_transformer(self.pipe, prompts, given, steps=2, observer=seen.append)
        else:
            given = read_settings(asked, "sd1.4", 2)
            guide = guided(
                self.pipe, prompts, given, steps=2, guidance_scale=3.0, observer=seen.append
            )
        latents = self.noise.repeat(len(prompts), 1, 1, 1) if noise is None else noise
        with guide:
            self.pipe(
                [prompt.text for prompt in prompts],
                num_inference_steps=2,
                latents=latents,
                height=32,
                width=32,
                guidance_scale=3.0,
                output_type="latent",
            )
        return seen[0].prediction


@pytest.fixture(scope="module", params=[False, True], ids=["unet", "transformer"])
def first(request: pytest.FixtureRequest) -> Guided:
    return Guided(request.param)


def distance(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a - b).norm() / b.norm())


def test_the_loss_of_two_relations_is_the_mean_of_both_losses(first: Guided) -> None:
    """Each of them alone is what the method does for a prompt that asks for it alone."""
    both = first([BOTH])
    one, other = (first([prompt]) for prompt in ALONE)
    assert float(one.loss) != pytest.approx(float(other.loss), rel=1e-3)
    assert float(both.loss) == pytest.approx(float(one.loss + other.loss) / 2, rel=1e-6)
    assert distance(both.gradient, (one.gradient + other.gradient) / 2) <= 1e-5
    left_out = first([BOTH], relations="first")
    assert torch.equal(left_out.loss, one.loss)
    assert torch.equal(left_out.gradient, one.gradient)


def test_the_gradient_by_finite_differences(first: Guided) -> None:
    gradient = first([BOTH]).gradient
    direction = gradient / gradient.norm()
    step = 1e-3
    ahead, behind = (first([BOTH], first.noise + sign * step * direction).loss for sign in (1, -1))
    slope = float(ahead - behind) / (2 * step)
    assert slope == pytest.approx(float(gradient.norm()), rel=2e-3)


def test_a_mixed_batch_gives_each_sample_its_own(first: Guided) -> None:
    together = first([ALONE[1], BOTH, ALONE[0]])
    for row, prompt in enumerate([ALONE[1], BOTH, ALONE[0]]):
        own = first([prompt])
        torch.testing.assert_close(together.loss[row : row + 1], own.loss, rtol=1e-6, atol=0)
        assert distance(together.gradient[row : row + 1], own.gradient) <= 1e-5


def test_depth_beside_a_relation_in_the_plane_has_no_spatial_term_which_is_said() -> None:
    mixed = (TRIPLETS[0], Triplet("dog", Relation.BEHIND, "bench"))
    prompt = replace(BOTH, text="a dog left of a cat and behind a bench", facts={"triplets": mixed})
    placed = placed_relations(prompt, "none", released=False)
    assert placed == (Relation.LEFT, None)
    (said,) = PLUGIN.configure(GenerationSettings(), {}).about_prompts([prompt, BOTH])
    assert "1 of 2 prompts ask for 'behind' among others, which gets no spatial term" in said
    deep = (mixed[1], Triplet("dog", Relation.IN_FRONT, "cat"))
    only = replace(prompt, triplet=deep[0], facts={"triplets": deep})
    with pytest.raises(UserError, match="asks for 'behind', which infsplign cannot guide"):
        placed_relations(only, "none", released=False)


def test_each_phrase_of_near_has_its_own_side() -> None:
    pairs = (Triplet("dog", Relation.NEAR, "cat"), Triplet("dog", Relation.NEAR, "bench"))
    prompt = replace(
        BOTH,
        text="a dog near a cat and next to a bench",
        triplet=pairs[0],
        facts={"triplets": pairs},
    )
    assert placed_relations(prompt, "sides", released=False) == (Relation.LEFT, Relation.RIGHT)


@pytest.mark.parametrize("name", ["infsplign", "storm-corrected", "attend-and-excite"])
def test_images_do_not_depend_on_how_much_their_batch_mates_ask_for(
    name: str, tmp_path: Path
) -> None:
    folder = save_pipeline(sharpened(tiny_sd()), tmp_path / "sd")
    settings = GenerationSettings(backbone=str(folder), steps=4, scheduler="ddim")
    given = {
        "end": 2,
        **({} if name == "infsplign" else {"level": 1, "scale": 1.0, "thresholds": "none"}),
    }
    method = plugins.load("method", name).configure(settings, given)
    prompts = [ALONE[0], BOTH, ALONE[1]]
    requests = [ImageRequest(prompt, 0, 42 + i) for i, prompt in enumerate(prompts)]
    assert_batch_mates_change_nothing(method, requests)
