"""Refusing images whose guiding gradient was not finite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import UserError
from ..prompts import Prompt

if TYPE_CHECKING:
    import torch


def finite_sum(output: torch.Tensor, change: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """A model's output after a change is added, and which samples the change was finite for.

    A sample whose sum is not finite stays unmoved; asking for it here would make the host wait. (An
    output that was not finite before is found when the latents are decoded.)

    Args:
        output: (n, ...); ``change`` likewise, maybe wider.

    Returns:
        like ``output``, and (n,) bool.
    """
    import torch

    moved = (output + change).to(output.dtype)
    broken = ~torch.isfinite(moved) & torch.isfinite(output)
    fine = ~broken.flatten(1).any(1)
    return moved.where(fine.view(-1, *[1] * (output.dim() - 1)), output), fine


def require_finite_gradients(
    method: str,
    finite: torch.Tensor,
    prompts: Sequence[Prompt],
    dtype: torch.dtype,
    parameter: str,
) -> None:
    """Raise if any sample's gradient overflowed; the one wait for the device.

    Args:
        method: its name, for the message.
        finite: (n,) bool, a sample each.
        prompts: the samples' prompts.
        dtype: what the model computes in.
        parameter: the method's parameter that sizes a step.
    """
    fine = finite.tolist()
    bad = [prompt.id for prompt, ok in zip(prompts, fine, strict=True) if not ok]
    if bad:
        name = str(dtype).removeprefix("torch.")
        smaller = f"a smaller --set {parameter}"
        cure = "--dtype bfloat16 or float32" if name == "float16" else smaller
        raise UserError(
            f"{method}'s gradient was not finite in {name} for {len(bad)} of {len(fine)} images "
            f"(prompts {', '.join(bad[:4])}); no image was made. Use {cure}."
        )
