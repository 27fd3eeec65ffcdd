"""A guided step against the formulas evaluated the plain way.

The plain way: both halves of the batch in one recorded float64 pass, every map resized to 64 x 64,
one sample, layer and object at a time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from spatialbench.methods.infsplign.activations import NAMES
from spatialbench.methods.infsplign.denoiser import guided
from spatialbench.methods.infsplign.guide import GuidedStep
from spatialbench.prompts import Prompt
from spatialbench.relations import Relation
from tests.tiny_models import sharpened, tiny_sd

TOKENS = {
    "a dog to the left of a cat": ([2], [8]),
    "a car to the right of a dog": ([2], [8]),
    "a wine glass above a bench": ([2, 3], [6]),
    "a hot dog below a traffic light": ([2, 3], [6, 7]),
    "a bicycle near a dog": ([2], [5]),
    "a cat to the left of a car": ([2], [8]),
}
"""Positions in the word-level tokenizer's sequence, counted by hand; 0 is the start token."""

ACTIVATIONS: dict[str, Callable[[float], float]] = {
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "relu": lambda x: max(x, 0),
    "leaky_relu": lambda x: x if x > 0 else 0.05 * x,
    "gelu": lambda x: x * 0.5 * (1 + math.erf(x / math.sqrt(2))),
    "squared_relu": lambda x: max(x, 0) ** 2,
    "linear": lambda x: x,
    "softplus": lambda x: math.log1p(math.exp(x)),
    "silu": lambda x: x / (1 + math.exp(-x)),
    "elu": lambda x: x if x > 0 else math.expm1(x),
    "celu": lambda x: x if x > 0 else math.expm1(x),
    "selu": lambda x: 1.0507009873554805 * (x if x > 0 else 1.6732632423543772 * math.expm1(x)),
    "hardtanh": lambda x: min(max(x, 0), 1),
    "log_relu": lambda x: math.log1p(max(x, 0)),
    "softsign": lambda x: x / (1 + abs(x)),
    "rrelu": lambda x: x if x > 0 else x * (1 / 8 + 1 / 3) / 2,
}


class Reader:
    """A processor that computes attention by the book and keeps the probabilities."""

    def __init__(self, kept: list[torch.Tensor]) -> None:
        self.kept = kept

    def __call__(self, attn: Any, hidden: Any, encoder_hidden_states: Any, **_: Any) -> Any:
        q, k, v = (
            attn.to_q(hidden),
            attn.to_k(encoder_hidden_states),
            attn.to_v(encoder_hidden_states),
        )
        width = q.shape[-1] // attn.heads
        outputs, maps = [], []
        for head in range(attn.heads):
            part = slice(head * width, (head + 1) * width)
            scores = torch.einsum("bnd,btd->bnt", q[..., part], k[..., part]) / math.sqrt(width)
            probabilities = scores.exp() / scores.exp().sum(-1, keepdim=True)
            maps.append(probabilities)
            outputs.append(probabilities @ v[..., part])
        self.kept.append(sum(maps) / attn.heads)
        return attn.to_out[0](torch.cat(outputs, -1))


@contextmanager
def reading(unet: Any, names: list[str]) -> Iterator[list[torch.Tensor]]:
    kept: list[torch.Tensor] = []
    before = dict(unet.attn_processors)
    for name in names:
        unet.get_submodule(name).set_processor(Reader(kept))
    yield kept
    unet.set_attn_processor(before)


def numeric_slope(f: Callable[[float], float], x: float) -> float:
    return (f(x + 1e-6) - f(x - 1e-6)) / 2e-6


class ByHand(torch.autograd.Function):
    """An activation given on floats, with its numeric slope."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, f: Callable[[float], float]) -> torch.Tensor:
        ctx.slope = numeric_slope(f, x.item())
        return x.new_tensor(f(x.item()))

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, None]:
        return grad * ctx.slope, None


def plain_loss(map_: torch.Tensor, prompt: Prompt, coarse: bool, s: Any) -> torch.Tensor:
    """One sample at one layer; ``map_`` is (pixels, tokens)."""
    assert prompt.triplet is not None
    side = math.isqrt(map_.shape[0])
    ys, xs = torch.meshgrid(*(torch.linspace(0, 1, 64, dtype=map_.dtype),) * 2, indexing="ij")
    centres, variances = [], []
    for tokens in TOKENS[prompt.text]:
        small = map_[:, tokens].mean(-1).view(1, 1, side, side)
        a = F.interpolate(small, size=(64, 64), mode="bilinear", align_corners=False)[0, 0]
        if s.threshold == "mean":
            a = torch.where(a >= a.mean(), a, torch.zeros_like(a))
        cx, cy = (a * xs).sum() / a.sum(), (a * ys).sum() / a.sum()
        centres.append((cx, cy))
        variances.append((a * ((xs - cx) ** 2 + (ys - cy) ** 2)).sum() / a.sum())
    (xa, ya), (xb, yb) = centres
    relation = prompt.triplet.relation
    displacement, across = {
        Relation.LEFT: (xb - xa, ya - yb),
        Relation.RIGHT: (xa - xb, ya - yb),
        Relation.ABOVE: (yb - ya, xa - xb),
        Relation.BELOW: (ya - yb, xa - xb),
        Relation.NEAR: ((xb - xa).abs(), 0 * xa),
    }[relation]
    f = ACTIVATIONS[s.loss]
    by_hand: Any = ByHand.apply
    total = s.lambda_spatial * by_hand(s.alpha * (s.margin - displacement), f)
    if relation is Relation.NEAR and s.near == "none":
        total = 0 * total
    total = total + s.orthogonal * across.abs() ** s.orthogonal_power
    if coarse:
        return total + s.lambda_presence * (variances[0] + variances[1])
    return total + s.lambda_balance * (variances[0] - variances[1]).abs()


def plain_step(pipe: Any, step: GuidedStep, prompts: list[Prompt], s: Any) -> tuple[Any, Any]:
    with torch.no_grad():
        cond, uncond = pipe.encode_prompt([p.text for p in prompts], "cpu", 1, True)
    names = [
        f"up_blocks.{block}.attentions.{i}.transformer_blocks.0.attn2"
        for block in (1, 2)
        for i in range(3)
    ]
    latents = step.latents.clone().requires_grad_()
    with reading(pipe.unet, names) as kept:
        pipe.unet(
            torch.cat([latents, latents]),
            step.timestep,
            encoder_hidden_states=torch.cat([uncond, cond]),
        )
    count = len(prompts)
    losses = torch.stack(
        [
            torch.stack([plain_loss(kept[i][count + b], p, i < 3, s) for i in range(6)]).sum() / 6
            for b, p in enumerate(prompts)
        ]
    )
    return losses.detach(), torch.autograd.grad(losses.sum(), latents)[0]


@pytest.fixture(scope="module")
def double_pipe() -> Any:
    return noisiest_step_only(sharpened(tiny_sd()).to(torch.float64))


def noisiest_step_only(pipe: Any) -> Any:
    """With one step, the scheduler asks for the noise at t = 999 once."""
    from diffusers import DDIMScheduler

    pipe.scheduler = DDIMScheduler.from_config(pipe.scheduler.config, timestep_spacing="trailing")
    return pipe


def prompts_of(pair: Any, texts: list[tuple[str, str, str]]) -> list[Prompt]:
    return [pair(*text, id_=str(i)) for i, text in enumerate(texts)]


def check(pipe: Any, prompts: list[Prompt], s: Any, tolerance: float = 1e-5) -> None:
    seen: list[GuidedStep] = []
    with guided(pipe, prompts, s, steps=1, guidance_scale=7.5, observer=seen.append):
        pipe(
            [p.text for p in prompts],
            num_inference_steps=1,
            generator=[torch.Generator().manual_seed(i) for i in range(len(prompts))],
            output_type="latent",
        )
    loss, gradient = plain_step(pipe, seen[0], prompts, s)
    found = seen[0].prediction
    assert ((found.loss - loss).abs() <= tolerance * loss.abs()).all()
    difference = (found.gradient - gradient).flatten(1).norm(dim=1)
    size = gradient.flatten(1).norm(dim=1)
    assert (size > 0).all()
    assert (difference <= tolerance * size).all()


BATCHES = (
    [
        ("dog", "to the left of", "cat"),
        ("wine glass", "above", "bench"),
        ("bicycle", "near", "dog"),
    ],
    [
        ("car", "to the right of", "dog"),
        ("hot dog", "below", "traffic light"),
        ("cat", "to the left of", "car"),
    ],
)


@pytest.mark.parametrize("loss", NAMES)
@pytest.mark.parametrize("batch", [0, 1])
def test_every_activation_and_relation(
    double_pipe: Any, pair: Any, settings: Any, loss: str, batch: int
) -> None:
    # The margin keeps relu and its kin away from zero gradient.
    s = settings(1, loss=loss, alpha=1.3, margin=0.4, near="apart")
    check(double_pipe, prompts_of(pair, BATCHES[batch]), s)


def test_near_by_default(double_pipe: Any, pair: Any, settings: Any) -> None:
    check(double_pipe, prompts_of(pair, BATCHES[0]), settings(1, margin=0, loss="sigmoid"))


@pytest.mark.parametrize(
    "given",
    [
        {"orthogonal": 1, "orthogonal_power": 1},
        {"orthogonal": 0.5, "orthogonal_power": 2, "threshold": "mean"},
        {"threshold": "mean", "lambda_balance": 3},
        {"lambda_presence": 0, "lambda_balance": 2},
        {"preset": "thesis"},
        {"preset": "repo"},
    ],
)
def test_every_term(double_pipe: Any, pair: Any, settings: Any, given: dict[str, Any]) -> None:
    check(double_pipe, prompts_of(pair, BATCHES[1]), settings(1, **{**given, "end": 1}))


def test_half_precision_has_the_size_of_double(double_pipe: Any, pair: Any, settings: Any) -> None:
    """The loss is scaled up for float16's backward pass, and the gradient must be scaled back."""
    prompts, s = prompts_of(pair, BATCHES[0]), settings(1, near="apart", weight=1)
    seen: list[GuidedStep] = []
    pipe = noisiest_step_only(sharpened(tiny_sd()).to(torch.float16))
    with guided(pipe, prompts, s, steps=1, guidance_scale=7.5, observer=seen.append):
        generators = [torch.Generator().manual_seed(i) for i in range(len(prompts))]
        texts = [p.text for p in prompts]
        pipe(texts, num_inference_steps=1, generator=generators, output_type="latent")
    step = replace(seen[0], latents=seen[0].latents.double())
    loss, gradient = plain_step(double_pipe, step, prompts, s)
    found = seen[0].prediction
    assert found.gradient.dtype == torch.float32
    size = gradient.flatten(1).norm(dim=1)
    # A thousandth of rounding in the weights becomes a few hundredths in the gradient.
    assert ((found.gradient - gradient).flatten(1).norm(dim=1) <= 0.1 * size).all()
    assert ((found.loss - loss).abs() <= 0.01 * loss.abs()).all()


def test_single_precision_too(pair: Any, settings: Any) -> None:
    pipe = noisiest_step_only(sharpened(tiny_sd()))
    check(pipe, prompts_of(pair, BATCHES[0]), settings(1), tolerance=3e-4)
