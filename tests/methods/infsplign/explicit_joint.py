"""Loss and gradient on a transformer the long way round: whole attention matrices, in float64.

What diffusers computes stays as it is, but every attention is written out and its probabilities
kept, and autograd goes through the whole model. Nothing here is taken from the product.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

AXIS_AND_SIGN = {"left": (0, -1), "right": (0, 1), "above": (1, -1), "below": (1, 1)}
"""Of a relation, the axis of the centroids and the sign of subject minus object that obeys it."""
ACTIVATIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "gelu": F.gelu,
    "sigmoid": torch.sigmoid,
    "relu": F.relu,
    "leaky_relu": lambda x: F.leaky_relu(x, 0.05),
}


@contextmanager
def written_out() -> Iterator[list[Tensor]]:
    """Inside, attention is computed from its whole matrix (batch, heads, n, m), which is kept."""
    kept: list[Tensor] = []

    def attention(query: Tensor, key: Tensor, value: Tensor, *_: Any, **__: Any) -> Tensor:
        matrix = (query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5).softmax(-1)
        kept.append(matrix)
        return matrix @ value

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(F, "scaled_dot_product_attention", attention)
        yield kept


def loss_and_gradient(
    model: Callable[[Tensor], Any],
    latents: Tensor,
    options: dict[str, Any],
    prompts: Sequence[dict[str, Any]],
    rows: int,
    side: tuple[int, int],
    *,
    text_first: bool,
) -> tuple[Tensor, Tensor]:
    """(batch,) losses and a gradient like the latents.

    Args:
        options, prompts: as in a file of expected numbers.
        rows: of the text.
        side: rows and columns of the image's tokens.
    """
    leaf = latents.clone().requires_grad_()
    tokens = rows + side[0] * side[1]
    with torch.enable_grad(), written_out() as kept:
        model(leaf)
        joint = [matrix for matrix in kept if matrix.shape[-1] == tokens]
        taps = [joint[tap] for tap in options["taps"]]
        losses = torch.stack(
            [_loss(taps, one, options, rows, side, text_first, i) for i, one in enumerate(prompts)]
        )
        (gradient,) = torch.autograd.grad(losses.sum(), leaf)
    return losses.detach(), gradient


def _loss(
    taps: list[Tensor],
    prompt: dict[str, Any],
    options: dict[str, Any],
    rows: int,
    side: tuple[int, int],
    text_first: bool,
    sample: int,
) -> Tensor:
    image = slice(rows, None) if text_first else slice(0, side[0] * side[1])
    text = slice(0, rows) if text_first else slice(side[0] * side[1], None)
    kinds = ("clip", "t5") if options["tokens"] == "both" else (options["tokens"],)
    by_tap = []
    for tap in taps:
        shown = tap[sample, :, image, text]
        if options["softmax"] == "text":
            shown = shown / shown.sum(-1, keepdim=True)
        shown = shown.mean(0)
        pair = []
        for which in range(2):
            means = [shown[:, prompt["positions"][kind][which]].mean(-1) for kind in kinds]
            pair.append(torch.stack(means).mean(0).view(side))
        by_tap.append(torch.stack(pair))
    if options["aggregate"] == "maps":
        by_tap = [torch.stack(by_tap).mean(0)]
    each = [_of_maps(maps, prompt["relation"], options) for maps in by_tap]
    return torch.stack(each).mean()


def _of_maps(maps: Tensor, relation: str, options: dict[str, Any]) -> Tensor:
    if options["grid"] == "canvas64":
        maps = F.interpolate(maps[None], (64, 64), mode="bilinear", align_corners=False)[0]
    if options["soft_threshold"]:
        median = maps.flatten(1).quantile(0.5, 1).view(-1, 1, 1)
        maps = maps * torch.sigmoid(50 * (maps - median))
    mass = maps / maps.sum((1, 2), keepdim=True)
    y = torch.linspace(0, 1, maps.shape[1], dtype=maps.dtype)
    x = torch.linspace(0, 1, maps.shape[2], dtype=maps.dtype)
    centre = [(mass.sum(1) * x).sum(1), (mass.sum(2) * y).sum(1)]
    spread = [
        (mass.sum(1) * (x - centre[0][:, None]) ** 2).sum(1),
        (mass.sum(2) * (y - centre[1][:, None]) ** 2).sum(1),
    ]
    variance = spread[0] + spread[1]
    axis, sign = AXIS_AND_SIGN[relation]
    short = options["alpha"] * (options["margin"] - sign * (centre[axis][0] - centre[axis][1]))
    spatial, presence, balance = options["lambdas"]
    return (
        spatial * ACTIVATIONS[options["loss"]](short)
        + presence * variance.sum()
        + balance * (variance[0] - variance[1]).abs()
    )
