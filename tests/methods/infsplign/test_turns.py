"""Guided until satisfied: whose turn it is, what it costs, and that each decides for itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from diffusers import DDIMScheduler
from hypothesis import given
from hypothesis import strategies as st

from spatialbench.backbones.families import FLUX, SD3
from spatialbench.errors import UserError
from spatialbench.methods.infsplign import PLUGIN, RELEASED
from spatialbench.methods.infsplign.denoiser import guided
from spatialbench.methods.infsplign.geometry import Moments
from spatialbench.methods.infsplign.guide import Guide, GuidedStep
from spatialbench.methods.infsplign.joint_denoiser import guided_transformer
from spatialbench.methods.infsplign.settings import read_settings
from spatialbench.methods.infsplign.turns import FULL_WINDOWS, GUIDED_STEPS, Turns
from spatialbench.plugins import GenerationSettings, ImageRequest
from spatialbench.prompts import Prompt, Triplet
from spatialbench.relations import Relation
from tests.tiny_models import sharpened, tiny_flux, tiny_sd
from tests.tiny_sd3 import tiny_sd3

STEPS = 4
NEVER, ALWAYS = -1.0, 1.0


def test_a_sample_rests_beyond_the_margin_and_comes_back_below_it() -> None:
    turns = Turns(1, margin=0.25, hysteresis=0.125)
    guided_in = []
    seen = [0.2, 0.3, 0.375, 0.376, 0.3, 0.25, 0.2499, 0.3, float("nan")]
    for displacement in seen:
        guided_in.append(turns.begin() == (0,))
        turns.see([0], [displacement])
    #           0.2   0.3   0.375 0.376 rests  0.3    0.25   below  0.3   nan
    assert guided_in == [True, True, True, True, False, False, False, True, True]
    assert turns.costs() == [{GUIDED_STEPS: 6.0, FULL_WINDOWS: 0.0}]


def test_a_resting_sample_whose_maps_are_not_numbers_is_guided_again() -> None:
    turns = Turns(1, 0.25, 0.0)
    turns.see([0], [0.5])
    assert turns.begin() == ()
    turns.see([0], [float("nan")])
    assert turns.begin() == (0,)


@given(st.lists(st.lists(st.floats(-1, 1), min_size=3, max_size=3), max_size=8))
def test_every_sample_is_decided_as_if_it_were_alone(steps: list[list[float]]) -> None:
    together = Turns(3, 0.1, 0.2)
    alone = [Turns(1, 0.1, 0.2) for _ in range(3)]
    for step in steps:
        rows = together.begin()
        assert rows == tuple(i for i, one in enumerate(alone) if one.begin())
        together.see(rows, [step[row] for row in rows])
        resting = [row for row in range(3) if row not in rows]
        together.see(resting, [step[row] for row in resting])
        for one, displacement in zip(alone, step, strict=True):
            one.see([0], [displacement])
    assert together.costs() == [cost for one in alone for cost in one.costs()]


class Tiny:
    """A tiny pipeline in float64 whose calls are guided until satisfied; margin 0 tells signs."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        pipe = {"unet": lambda: sharpened(tiny_sd()), "sd3": tiny_sd3, "flux": tiny_flux}[kind]()
        self.pipe = pipe.to(torch.float64)
        self.pipe.set_progress_bar_config(disable=True)
        for part in self.pipe.components.values():
            if isinstance(part, torch.nn.Module):
                part.eval().requires_grad_(False)
        if kind == "unet":
            # One evaluation a step.
            self.pipe.scheduler = DDIMScheduler.from_config(self.pipe.scheduler.config)
        self.model = self.pipe.unet if kind == "unet" else self.pipe.transformer

    def settings(self, **asked: Any) -> Any:
        asked = {"until": "satisfied", "margin": 0, "hysteresis": 0, "end": "100%", **asked}
        if asked["until"] == "end":
            del asked["hysteresis"]
        if self.kind == "unet":
            return read_settings(asked, "sd1.4", STEPS)
        family = SD3 if self.kind == "sd3" else FLUX
        return read_settings({"blocks": "1,2", **asked}, "", STEPS, family=family)

    def guide(self, prompts: Sequence[Prompt], observer: Any = None, **asked: Any) -> Any:
        if self.kind == "unet":
            return guided(
                self.pipe,
                prompts,
                self.settings(**asked),
                steps=STEPS,
                guidance_scale=3.0,
                observer=observer,
            )
        return guided_transformer(
            self.pipe, prompts, self.settings(**asked), steps=STEPS, observer=observer
        )

    def __call__(
        self, prompts: Sequence[Prompt], seeds: Sequence[int], observer: Any = None, **asked: Any
    ) -> tuple[torch.Tensor, Guide]:
        with self.guide(prompts, observer, **asked) as active:
            latents: torch.Tensor = self.pipe(
                [prompt.text for prompt in prompts],
                generator=[torch.Generator().manual_seed(seed) for seed in seeds],
                num_inference_steps=STEPS,
                height=32,
                width=32,
                guidance_scale=3.0,
                output_type="latent",
            ).images
        return latents, active


@pytest.fixture(scope="module", params=["unet", "sd3", "flux"])
def tiny(request: pytest.FixtureRequest) -> Tiny:
    return Tiny(request.param)


@pytest.fixture(scope="module")
def four(pair: Callable[..., Prompt]) -> list[Prompt]:
    return [
        pair("dog", "to the left of", "cat", "1"),
        pair("wine glass", "above", "bench", "2"),
        pair("cat", "to the right of", "dog", "3"),
        pair("bench", "below", "cat", "4"),
    ]


def scripted(monkeypatch: pytest.MonkeyPatch, script: Callable[[int, int], float]) -> None:
    """Let samples be seen at ``script(step, sample)``."""
    see = Turns.see

    def seen(turns: Turns, rows: Sequence[int], displacements: Sequence[float]) -> None:
        step = turns._steps - 1
        see(turns, rows, [script(step, row) for row in rows])

    monkeypatch.setattr(Turns, "see", seen)


def test_a_margin_that_is_never_met_is_the_full_window_bit_for_bit(
    tiny: Tiny, four: list[Prompt]
) -> None:
    full, plain = tiny(four, [1, 2, 3, 4], until="end", margin=1)
    latents, active = tiny(four, [1, 2, 3, 4], margin=1)
    assert torch.equal(latents, full)
    assert active.costs() == [{GUIDED_STEPS: float(STEPS), FULL_WINDOWS: 1.0}] * 4
    assert plain.costs() == []


def test_a_batch_of_four_is_four_batches_of_one(tiny: Tiny, four: list[Prompt]) -> None:
    seeds = [5, 6, 7, 8]
    together, active = tiny(four, seeds)
    costs = active.costs()
    steps = {cost[GUIDED_STEPS] for cost in costs}
    assert len(steps) > 1, "all samples went the same way: the test would say nothing"
    assert min(steps) < STEPS
    for place, (prompt, seed) in enumerate(zip(four, seeds, strict=True)):
        alone, own = tiny([prompt], [seed])
        assert own.costs() == costs[place : place + 1]
        torch.testing.assert_close(together[place : place + 1], alone, rtol=0, atol=2e-5)
    again, _ = tiny(four, seeds)
    assert torch.equal(again, together)


def test_only_the_samples_whose_turn_it_is_are_recorded(
    tiny: Tiny, four: list[Prompt], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every sample is evaluated once a step, and with a gradient in its own turns alone."""
    scripted(monkeypatch, lambda step, row: ALWAYS if row < 2 * step + 1 else NEVER)
    calls: list[tuple[int, bool]] = []

    def noted(module: Any, args: Any, keywords: Any) -> None:
        calls.append((len(keywords.get("hidden_states", args[0] if args else None)), _recorded()))

    def _recorded() -> bool:
        return torch.is_grad_enabled()

    first = tiny.model.conv_in if tiny.kind == "unet" else None
    handle = (
        first.register_forward_pre_hook(
            lambda module, args: calls.append((len(args[0]), torch.is_grad_enabled()))
        )
        if first is not None
        else tiny.model.transformer_blocks[0].register_forward_pre_hook(noted, with_kwargs=True)
    )
    try:
        _, active = tiny(four, [1, 2, 3, 4])
    finally:
        handle.remove()
    # What is seen in a step is for the next: one rests from the second on, three from the third.
    guided_in = [4, 3, 1, 0]
    assert [rows for rows, grad in calls if grad] == [n for n in guided_in if n]
    halves = 1 if tiny.kind == "flux" else 2
    assert sum(rows for rows, _ in calls) == 4 * halves * STEPS
    assert max(rows for rows, _ in calls) <= 4 * halves
    assert [cost[GUIDED_STEPS] for cost in active.costs()] == [1.0, 2.0, 2.0, 3.0]


def test_samples_at_rest_are_sampled_as_without_guidance(
    tiny: Tiny, four: list[Prompt], monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(monkeypatch, lambda step, row: ALWAYS)
    steps: list[GuidedStep] = []
    resting, active = tiny(four, [1, 2, 3, 4], steps.append)
    one_step, _ = tiny(four, [1, 2, 3, 4], until="end", end="1")
    torch.testing.assert_close(resting, one_step, rtol=0, atol=2e-5)
    assert active.costs() == [{GUIDED_STEPS: 1.0, FULL_WINDOWS: 0.0}] * 4
    assert len(steps) == STEPS
    for step in steps[1:]:
        assert step.prediction.loss.isnan().all()
        assert not step.prediction.gradient.any()


def test_a_sample_comes_back(
    tiny: Tiny, four: list[Prompt], monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(monkeypatch, lambda step, row: ALWAYS if (step + row) % 2 else NEVER)
    _, active = tiny(four, [1, 2, 3, 4])
    # Even rows are enough in odd steps, odd rows in even ones, and rest in the step after.
    assert [cost[GUIDED_STEPS] for cost in active.costs()] == [3.0, 2.0, 3.0, 2.0]


def test_the_displacement_is_that_of_the_maps(settings: Any, four: list[Prompt]) -> None:
    """By hand: the mean over layers, per pair; the worst pair decides, one without a term never."""
    several = Prompt(
        "5",
        "a dog left of a cat and near a bench and above a bus",
        "t",
        Triplet("dog", Relation.LEFT, "cat"),
        ("dog", "cat", "bench", "bus"),
        {
            "triplets": (
                Triplet("dog", Relation.LEFT, "cat"),
                Triplet("dog", Relation.NEAR, "bench"),
                Triplet("dog", Relation.ABOVE, "bus"),
            )
        },
    )
    near = Prompt(
        "6", "a dog near a cat", "t", Triplet("dog", Relation.NEAR, "cat"), ("dog", "cat")
    )
    with guided(
        sharpened(tiny_sd()),
        [several, near],
        settings(4, until="satisfied"),
        steps=4,
        guidance_scale=3.0,
    ) as active:
        aim = active.aim([0, 1])
        other = active.aim([1])
    # Layers, pairs (three of the first, one of the second), subject and object, x and y.
    centroid = torch.zeros(len(active.coarse), 4, 2, 2)
    centroid[:, 0, 1] = torch.tensor([0.5, 0.0])
    centroid[:, 1, 1] = torch.tensor([-0.9, -0.9])
    centroid[:, 2, 1] = torch.tensor([0.0, 0.25])
    centroid[0, 2, 1, 1] += 0.06
    moments = Moments(centroid, torch.zeros(centroid.shape[:3]))
    worst, without = aim.displacements(moments)
    assert worst == pytest.approx(0.25 + 0.06 / len(active.coarse))
    assert without == float("-inf")
    alone = Moments(centroid[:, 3:], torch.zeros(len(active.coarse), 1, 2))
    assert other.displacements(alone) == [float("-inf")]


def test_without_until_nothing_of_the_identity_changes() -> None:
    plain = read_settings({}, "sd1.4", 50).identity()
    assert not {"until", "hysteresis"} & plain.keys()
    assert read_settings({"until": "end"}, "sd1.4", 50).identity() == plain
    satisfied = read_settings({"until": "satisfied", "hysteresis": 0.5}, "sd1.4", 50).identity()
    assert satisfied == {**plain, "until": "satisfied", "hysteresis": 0.5}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"until": "happy"}, "unknown until of infsplign 'happy'"),
        (
            {"hysteresis": 0.1},
            "hysteresis=0.1 would have no effect, because until is not satisfied",
        ),
        ({"until": "satisfied", "hysteresis": 2}, "hysteresis=2 is out of range"),
        ({"until": "satisfied", "hysteresis": -0.1}, "hysteresis=-0.1 is out of range"),
        ({"until": "satisfied", "compat": "official"}, "leave out --set until=satisfied"),
    ],
)
def test_what_contradicts_is_refused(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        read_settings(asked, "sd1.4", 50)


def test_the_released_method_does_not_have_it() -> None:
    with pytest.raises(UserError, match="unknown parameter of infsplign-released 'until'"):
        RELEASED.configure(GenerationSettings(), {"until": "satisfied"})


def test_estimates_know_the_guided_share() -> None:
    def worth(**asked: Any) -> float:
        return PLUGIN.steps_worth(PLUGIN.configure(GenerationSettings(), asked).identity())

    assert worth() == pytest.approx(PLUGIN.step_factor)
    assert worth(end="25%") == pytest.approx(1 + (PLUGIN.step_factor - 1) / 4)
    assert worth(end="0") == 1


def test_the_method_tells_what_each_image_took() -> None:
    settings = replace(GenerationSettings(), steps=4)
    method = PLUGIN.configure(settings, {"until": "satisfied", "margin": 1})
    prompt = Prompt(
        "1",
        "a dog to the left of a cat",
        "left",
        Triplet("dog", Relation.LEFT, "cat"),
        ("dog", "cat"),
    )
    (said,) = method.about_prompts([prompt])
    assert "no displacement exceeds margin + hysteresis = 1.05" in said
    assert not PLUGIN.configure(settings, {"until": "satisfied"}).about_prompts([prompt])
    method.load()
    method.generate([ImageRequest(prompt, 0, 42), ImageRequest(prompt, 1, 43)])
    assert method.costs() == [{GUIDED_STEPS: 4.0, FULL_WINDOWS: 1.0}] * 2
