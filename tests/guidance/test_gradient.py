"""The gradient of a loss of attention maps against softmax written out, in three precisions."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from spatialbench.guidance.gradient import loss_and_gradient

TEXT = torch.rand(2, 5, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
LATENTS = torch.rand(2, 4, 3, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
WEIGHTS = torch.rand(9, 5, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


def attention() -> Any:
    from diffusers.models.attention_processor import Attention

    torch.manual_seed(0)
    return Attention(4, 8, heads=2, dim_head=4).double().requires_grad_(False)


def written_out(layer: Any) -> tuple[torch.Tensor, torch.Tensor]:
    leaf = LATENTS.clone().requires_grad_()
    q = layer.to_q(leaf.flatten(2).transpose(1, 2)).view(2, 9, 2, 4)
    k = layer.to_k(TEXT).view(2, 5, 2, 4)
    scores = torch.einsum("bnhd,bthd->bhnt", q, k) / 2
    shares = scores.exp() / scores.exp().sum(-1, keepdim=True)
    losses = (shares.mean(1) * WEIGHTS).sum((1, 2))
    return losses.detach(), torch.autograd.grad(losses.sum(), leaf)[0]


@pytest.mark.parametrize("stop", [False, True])
@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [(torch.float64, 1e-9), (torch.float32, 1e-4), (torch.float16, 0.02), (torch.bfloat16, 0.2)],
)
def test_the_gradient_has_its_size_in_every_precision(
    dtype: torch.dtype, tolerance: float, stop: bool
) -> None:
    """In float16 the loss is scaled up for the backward pass, and the gradient back."""
    losses, gradient = written_out(attention())
    layer = attention().to(dtype)

    def model(latents: torch.Tensor) -> torch.Tensor:
        answer: torch.Tensor = layer(latents.flatten(2).transpose(1, 2), TEXT.to(dtype))
        return answer

    def loss(maps: list[torch.Tensor]) -> torch.Tensor:
        return (maps[0] * WEIGHTS.to(maps[0].dtype)).sum((1, 2))

    found, slope = loss_and_gradient(model, LATENTS.to(dtype), [layer], loss, stop=stop)
    assert slope.dtype == torch.promote_types(dtype, torch.float32)
    torch.testing.assert_close(found.double(), losses, rtol=tolerance, atol=0)
    assert (slope - gradient).norm() <= tolerance * gradient.norm()
