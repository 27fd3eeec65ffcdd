"""Refusing pictures whose guiding gradient was not finite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...errors import UserError
from ...prompts import Prompt

if TYPE_CHECKING:
    import torch


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
            f"(prompts {', '.join(bad[:4])}); no picture was made. Use {cure}."
        )
