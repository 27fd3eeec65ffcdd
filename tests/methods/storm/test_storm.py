"""STORM's losses: what they pull, what the released one gets wrong, what they leave alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from spatialbench.errors import UserError
from spatialbench.guidance.descent import Descended, descended
from spatialbench.guidance.descent_settings import read_descent
from spatialbench.methods.storm import CORRECTED, RELEASED, Storm, loss
from spatialbench.methods.storm.loss import TransportLoss, centroid, side_weight
from spatialbench.methods.storm.sides import Side, corrected_side, released_side
from spatialbench.methods.storm.transport import transport_cost
from spatialbench.plugins import GenerationSettings, ImageRequest
from spatialbench.prompts import Prompt, Triplet
from spatialbench.relations import Relation
from tests.methods.batches import assert_same_but_for_rounding
from tests.tiny_models import save_pipeline, sharpened, tiny_sd

STEPS = 4
GIVEN = replace(RELEASED, nouns="given")
BOTH = pytest.mark.parametrize("method", [GIVEN, CORRECTED], ids=lambda m: m.name)


def blob(x: float, y: float, side: int = 8) -> torch.Tensor:
    """(side, side): a soft spot at these pixels, x to the right, y down."""
    across = torch.arange(side, dtype=torch.float64)
    return torch.exp(-((across - x) ** 2 + (across.unsqueeze(1) - y) ** 2) / 4) + 1e-3


def maps(subject: tuple[float, float], object_: tuple[float, float]) -> torch.Tensor:
    return torch.stack([blob(*subject), blob(*object_)]).unsqueeze(0)


def full_matrix_cost(source: Any, target: Any, cost: Any) -> torch.Tensor:
    """The same plan with every matrix written out, one sample."""
    kernel = torch.exp(-cost.unsqueeze(1).expand(-1, len(target)) / (0.1 + 1e-8))
    u, v = torch.ones_like(source), torch.ones_like(target)
    for _ in range(100):
        u = source / (kernel @ v + 1e-8)
        v = target / (kernel.T @ u + 1e-8)
    plan = u.unsqueeze(1) * kernel * v
    return (plan * cost.unsqueeze(1)).sum()


def test_the_vectors_of_the_transport_equal_the_matrices() -> None:
    generator = torch.Generator().manual_seed(0)
    cost = torch.rand(2, 20, generator=generator, dtype=torch.float64) * torch.tensor(
        [[1.0], [9.0]]
    )
    source, target = (
        torch.rand(2, 20, generator=generator, dtype=torch.float64).softmax(1) for _ in range(2)
    )
    expected = [full_matrix_cost(*row) for row in zip(source, target, cost, strict=True)]
    torch.testing.assert_close(transport_cost(source, target, cost), torch.stack(expected))
    # Its cost does not depend on the destination, so neither does the loss, if nothing underflows.
    elsewhere = target.flip(1)
    torch.testing.assert_close(
        transport_cost(source, elsewhere, cost)[0], (source * cost).sum(1)[0], rtol=1e-5, atol=0
    )


ORDERS = {
    Relation.LEFT: ((2, 4), (6, 4)),
    Relation.RIGHT: ((6, 4), (2, 4)),
    Relation.ABOVE: ((4, 2), (4, 6)),
    Relation.BELOW: ((4, 6), (4, 2)),
}
"""Centres of subject and object that obey each relation."""


def displacement_after_descent(side: Side, start: torch.Tensor) -> tuple[float, float]:
    """How far subject minus object moves in x and in y when the maps themselves descend."""
    logits = start.log().requires_grad_()
    loss = TransportLoss([[side]])
    before = centroid(start)
    for _ in range(12):
        value = loss(logits.exp(), [0], 10.0).sum()
        (gradient,) = torch.autograd.grad(value, logits)
        logits = (logits - 2 * gradient / gradient.norm()).detach().requires_grad_()
    after = centroid(logits.exp().detach())
    x, y = ((a[0, 0] - a[0, 1]) - (b[0, 0] - b[0, 1]) for a, b in zip(after, before, strict=True))
    return float(x), float(y)


@pytest.mark.parametrize("relation", ORDERS, ids=str)
def test_the_corrected_loss_pulls_every_relation_its_way(
    relation: Relation, pair: Callable[..., Prompt]
) -> None:
    phrase = {"left": "to the left of", "right": "to the right of"}.get(relation, relation.value)
    side = corrected_side(pair("dog", phrase, "cat").triplet)
    loss = TransportLoss([[side]])
    obeyed, broken = maps(*ORDERS[relation]), maps(*reversed(ORDERS[relation]))
    assert loss.may_repeat(obeyed, [0]).tolist() == [True]
    assert loss.may_repeat(broken, [0]).tolist() == [False]
    # Both in the middle, one over the other: the order is the loss's to make.
    x, y = displacement_after_descent(side, maps((3.5, 3.5), (3.5, 3.5)))
    along, across = (x, y) if relation.axis == "x" else (y, x)
    sign = -1 if relation in (Relation.LEFT, Relation.ABOVE) else 1
    assert sign * along > 0.2
    assert abs(across) < sign * along / 2


def test_the_released_loss_sends_right_to_the_left_and_above_along_x(
    pair: Callable[..., Prompt],
) -> None:
    middle = maps((3.5, 3.5), (3.5, 3.5))
    left, right, above, below = (
        released_side(pair("dog", phrase, "cat"))
        for phrase in ("to the left of", "to the right of", "above", "below")
    )
    assert right == left
    assert above == below
    x, y = displacement_after_descent(right, middle)
    assert x < -0.2
    x, y = displacement_after_descent(above, middle)
    assert x < -0.2
    assert abs(y) < abs(x) / 2


def test_released_words_are_found_inside_words(pair: Callable[..., Prompt]) -> None:
    assert released_side(pair("laptop", "to the left of", "dog")).axis == "y"
    assert released_side(pair("dog", "on the bottom of", "cat")).axis is None
    assert released_side(pair("dog", "next to", "cat")).mutual
    assert corrected_side(pair("laptop", "to the left of", "dog").triplet).axis == "x"
    assert corrected_side(pair("dog", "on the bottom of", "cat").triplet).axis == "y"


def test_the_loss_by_hand() -> None:
    """A 2x2 map with light costs, where the transport is the mean cost of the source."""
    subject = torch.tensor([[0.7, 0.1], [0.1, 0.1]], dtype=torch.float64)
    object_ = torch.tensor([[0.1, 0.6], [0.1, 0.2]], dtype=torch.float64)
    side = Side("x", True, False, False, "x")
    weight = side_weight(0)
    assert weight == 1
    # Centroids: the object's x is 0.8, the subject's 0.2.
    for_subject = object_ * torch.tensor([1 / 0.8, 0.2])
    for_object = subject * torch.tensor([0.2, 1 / 0.8])
    wanted = (subject * for_subject).sum() + (object_ * for_object).sum()
    found = TransportLoss([[side]])(torch.stack([subject, object_]).unsqueeze(0), [0], 0.0)
    torch.testing.assert_close(found, wanted.unsqueeze(0), rtol=1e-5, atol=0)


def test_the_target_is_a_disc_of_a_quarter_of_the_width() -> None:
    """On 16x16 pixels: radius 4, the rim included, spread 3."""
    disc = loss._disc(torch.zeros(16, 16, dtype=torch.float64), 6.0, 8.0, transposed=False)
    x, y = np.meshgrid(np.arange(16), np.arange(16))
    distance = np.hypot(x - 6, y - 8)
    wanted = np.where(distance <= 4, np.exp(-(distance**2) / 18), 0)
    np.testing.assert_allclose(disc.numpy(), wanted, rtol=1e-12, atol=0)
    assert disc[8, 10] > 0  # on the rim
    assert disc[8, 11] == 0


def test_the_targets_lie_halfway_from_the_other_object_to_the_edge() -> None:
    places = torch.full((2, 16, 16), 1e-9, dtype=torch.float64)
    places[0, 8, 5] = places[1, 8, 12] = 1  # the subject at x 5, the object at x 12
    discs = loss._discs(places, Side("x", True, False, False, "x"))
    centres = [[float(value) for value in centroid(disc)] for disc in discs]
    assert centres[0] == pytest.approx([12 / 2, 16 / 2], abs=0.2)
    assert centres[1] == pytest.approx([(16 + 5) / 2, 16 / 2], abs=0.2)


def test_released_needs_a_square() -> None:
    released = TransportLoss([[Side("y", True, False, True, "y")]])
    with pytest.raises(UserError, match="only a square image survives"):
        released(torch.rand(1, 2, 4, 6), [0], 1.0)
    corrected = TransportLoss([[Side("y", True, False, False, "y")]])
    assert corrected(torch.rand(1, 2, 4, 6), [0], 1.0).isfinite().all()


def latents(
    pipe: Any, method: Storm, prompts: list[Prompt], sample: Any, seen: Any = None, **given: Any
) -> torch.Tensor:
    positions = [method.positions(prompt, [pipe.tokenizer]) for prompt in prompts]
    settings = read_descent(method.name, method.parameters, given, {}, STEPS, method.clip)
    with descended(
        pipe,
        prompts,
        positions,
        settings,
        method.loss(prompts, positions),
        method=method.name,
        steps=STEPS,
        observer=seen,
    ):
        result: torch.Tensor = sample(
            pipe, prompts, range(1, len(prompts) + 1), num_inference_steps=STEPS
        )
    return result


@BOTH
def test_reduces_its_own_loss(
    method: Storm, sd_pipe: Any, mixed: list[Prompt], sample: Any
) -> None:
    def losses(**given: Any) -> list[float]:
        seen: list[Descended] = []
        given = {"thresholds": "none", "start": 1, "end": "100%", "level": 1, **given}
        latents(sd_pipe, method, mixed, sample, seen.append, **given)
        assert [step.step for step in seen] == list(range(1, STEPS))
        return [float(step.loss.sum()) for step in seen]

    stock, guided = losses(scale=1e-12), losses(scale=3)
    assert stock[0] == pytest.approx(guided[0], rel=1e-4)
    assert all(ours < theirs for ours, theirs in zip(guided[1:], stock[1:], strict=True))


@BOTH
def test_scale_zero_is_the_stock_pipeline_bit_for_bit(
    method: Storm, sd_pipe: Any, mixed: list[Prompt], sample: Any
) -> None:
    stock = sample(sd_pipe, mixed, [1, 2, 3], num_inference_steps=STEPS)
    assert torch.equal(latents(sd_pipe, method, mixed, sample, scale=0), stock)
    assert not torch.equal(latents(sd_pipe, method, mixed, sample, thresholds="none"), stock)


def test_a_step_is_no_longer_than_the_scale(sd_pipe: Any, mixed: list[Prompt], sample: Any) -> None:
    """The gradient is cut to length 1, so one guided step moves a sample by at most the scale."""
    from spatialbench.guidance.latent_hooks import _Hooks

    moves: list[torch.Tensor] = []
    own = _Hooks.take_step

    def watched(self: Any, output: Any, timestep: Any, sample: Any, *more: Any, **k: Any) -> Any:
        if self.moved is not None:
            moves.append((self.moved - sample).flatten(1).norm(dim=1))
        return own(self, output, timestep, sample, *more, **k)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_Hooks, "take_step", watched)
        latents(sd_pipe, CORRECTED, mixed, sample, thresholds="none", scale=3, start=1, end=3)
    assert len(moves) == 2
    assert max(float(m.max()) for m in moves) <= 3 + 1e-4


def test_prompts_without_two_objects_are_left_unguided(sd_pipe: Any, pair: Any) -> None:
    tokenizers = [sd_pipe.tokenizer]
    one = Prompt("1", "a photo of a dog", "single", objects=("dog",))
    two = Prompt("2", "a dog and a cat", "two", objects=("dog", "cat"))
    glass = pair("wine glass", "above", "bench")
    assert GIVEN.positions(one, tokenizers) == ()
    assert GIVEN.positions(two, tokenizers) == ((2,), (5,))
    assert CORRECTED.positions(two, tokenizers) == ()
    assert GIVEN.positions(glass, tokenizers)[0] == (3,)
    assert CORRECTED.positions(glass, tokenizers)[0] == (2, 3)
    with pytest.raises(UserError, match="'behind', which storm-corrected cannot guide"):
        CORRECTED.positions(pair("dog", "behind", "cat"), tokenizers)


def test_images_do_not_depend_on_the_batch(tmp_path: Path, mixed: list[Prompt]) -> None:
    folder = save_pipeline(sharpened(tiny_sd()), tmp_path / "sd")
    plain = GenerationSettings(backbone=str(folder), steps=4, scheduler="ddim")
    generator = CORRECTED.configure(plain, {"start": 0, "thresholds": "0:0.9999", "iterations": 2})
    single = Prompt("9", "a photo of a dog", "single", objects=("dog",))
    requests = [ImageRequest(p, 0, seed=42 + i) for i, p in enumerate([*mixed, single])]
    together = generator.generate(requests)
    for one, request in zip(together, requests, strict=True):
        (alone,) = generator.generate([request])
        # Gradients cut to one length carry their rounding further than plain ones: 2.7 to 5.5 % of
        # the values were measured, by instruction set and number of threads.
        assert_same_but_for_rounding(one, alone, share=0.15)


def test_identities_say_which_and_which_is_a_reconstruction() -> None:
    released, corrected = (
        method.configure(GenerationSettings(backbone="sd2.1-base"), {}).identity()
        for method in (RELEASED, CORRECTED)
    )
    assert (released["method"], corrected["method"]) == ("storm-released", "storm-corrected")
    assert corrected["marks"] == ["reconstruction"]
    assert "marks" not in released
    assert (released["version"], corrected["version"]) == (2, 1)
    assert corrected["parameters"] == {
        "scale": 20.0,
        "window": [1, 25],
        "thresholds": ["5:0.95", "10:0.99", "15:0.995", "20:0.999"],
        "iterations": 30,
        "level": 2,
        "prompt_only": True,
    }
    assert released["parameters"] == {**corrected["parameters"], "nouns": "released"}


def test_with_given_nouns_the_run_is_that_of_version_1() -> None:
    """So that a run of spatialbench 0.1 can be continued."""
    settings = GenerationSettings(backbone="sd2.1-base")
    given = RELEASED.configure(settings, {"nouns": "given"}).identity()
    corrected = CORRECTED.configure(settings, {}).identity()
    assert given["version"] == 1
    assert given["parameters"] == corrected["parameters"]
    with pytest.raises(UserError, match="unknown value of nouns for storm-released 'gven'"):
        RELEASED.configure(settings, {"nouns": "gven"})
    with pytest.raises(UserError, match="parameter of storm-corrected 'nouns'"):
        CORRECTED.configure(settings, {"nouns": "given"})


TRIPLETS = (Triplet("dog", Relation.LEFT, "cat"), Triplet("dog", Relation.BELOW, "bench"))


def two_relations(*triplets: Triplet) -> Prompt:
    asked = triplets or TRIPLETS
    return Prompt(
        "1", "a dog left of a cat and below a bench", "two", asked[0], (), {"triplets": asked}
    )


def test_the_loss_of_two_relations_is_the_mean_of_both_losses(sd_pipe: Any) -> None:
    prompt, single = two_relations(), Prompt("2", "a dog left of a cat", "left", TRIPLETS[0])
    tokenizers = [sd_pipe.tokenizer]
    positions = [CORRECTED.positions(one, tokenizers) for one in (single, prompt)]
    assert positions[1][0] == positions[1][2]
    assert [len(one) for one in positions] == [2, 4]
    loss = CORRECTED.loss([single, prompt], positions)
    assert loss.smoothed == 4
    generator = torch.Generator().manual_seed(3)
    maps = torch.rand(2, 4, 6, 6, generator=generator, dtype=torch.float64).requires_grad_()
    found = loss(maps, [0, 1], 5.0)
    values = found.tolist()
    alone = [TransportLoss([[corrected_side(triplet)]]) for triplet in TRIPLETS]
    plain = maps.detach()
    first, second = alone[0](plain[1:, :2], [0], 5.0), alone[1](plain[1:, 2:], [0], 5.0)
    assert values[1] == pytest.approx(float(first + second) / 2, rel=1e-12)
    assert values[0] == pytest.approx(float(alone[0](plain[:1, :2], [0], 5.0)), rel=1e-12)
    (slope,) = torch.autograd.grad(found.sum(), maps)
    assert slope[0, 2:].abs().max() == 0
    with torch.no_grad():
        direction = slope / slope.norm()
        ahead, behind = (loss(maps + sign * 1e-6 * direction, [0, 1], 5.0) for sign in (1, -1))
    assert float((ahead - behind).sum()) / 2e-6 == pytest.approx(float(slope.norm()), rel=1e-4)


def test_repetitions_wait_until_every_pair_is_in_order() -> None:
    loss = TransportLoss([[corrected_side(triplet) for triplet in TRIPLETS]])
    maps = torch.zeros(1, 4, 4, 4)
    maps[0, 0, 1, 0] = maps[0, 1, 1, 3] = 1  # the dog left of the cat
    maps[0, 2, 3, 0] = maps[0, 3, 0, 0] = 1  # the dog below the bench
    assert loss.may_repeat(maps, [0]).tolist() == [True]
    assert loss.may_repeat(maps[:, [0, 1, 3, 2]], [0]).tolist() == [False]


def test_a_relation_in_depth_beside_others_is_left_out_which_is_said(sd_pipe: Any) -> None:
    behind = Triplet("dog", Relation.BEHIND, "bench")
    mixed = two_relations(TRIPLETS[0], behind)
    assert len(CORRECTED.positions(mixed, [sd_pipe.tokenizer])) == 2
    (said,) = CORRECTED.about_prompts([mixed, two_relations()])
    assert "1 of 2 prompts ask for a relation in depth among others" in said
    with pytest.raises(UserError, match="'behind', which storm-corrected cannot guide"):
        CORRECTED.positions(two_relations(behind, behind), [sd_pipe.tokenizer])
