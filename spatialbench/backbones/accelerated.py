"""Making a loaded pipeline faster in ways that change nothing but the rounding."""

from __future__ import annotations

import functools
import os
import shutil
import sys
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from ..errors import UserError
from ..plugins.kernels import Kernels
from .families import Pipeline, of_pipeline

_COMPILERS = {"linux": "g++", "darwin": "clang++", "win32": "cl"}
"""What torch calls where CXX names none, by system."""


def require_compiler(device: str) -> None:
    """Refuse to compile where torch finds nothing to compile with; nothing is imported.

    Raises:
        UserError: no Triton for a GPU, no C++ compiler for the processor.
    """
    if device.startswith("cuda") and find_spec("triton") is None:
        raise UserError(
            "--compile needs Triton on a GPU, which is not installed: pip install triton, or leave "
            "--compile out."
        )
    chosen = os.environ.get("CXX")
    if device == "cpu" and not shutil.which(chosen or _COMPILERS.get(sys.platform, "g++")):
        none = f"CXX names {chosen!r}, which is not here" if chosen else "none is here"
        raise UserError(
            f"--compile needs a C++ compiler on a processor, and {none}: "
            f"{'unset CXX, ' if chosen else ''}install g++, or leave --compile out."
        )


def accelerate(pipe: Pipeline, kernels: Kernels) -> None:
    """Change a pipeline's models in place as asked; the compiler works when they are first used."""
    import torch

    denoiser = getattr(pipe, of_pipeline(pipe).denoiser)
    if not kernels.compile:
        without_divisions_by_one(denoiser)
    if kernels.channels_last:
        for model in (denoiser, pipe.vae):
            model.to(memory_format=torch.channels_last)
    if kernels.cudnn_benchmark:
        torch.backends.cudnn.benchmark = True
    if kernels.compile:
        denoiser.forward = compiled(denoiser.forward)


_FACTORS = ("output_scale_factor", "rescale_output_factor")
"""What residual blocks and attention of diffusers divide their answers by."""


class One:
    """A factor of one: a tensor divided by it is that very tensor, and no kernel is launched."""

    def __rtruediv__(self, tensor: Any) -> Any:
        return tensor

    def __float__(self) -> float:
        return 1.0


def without_divisions_by_one(model: Any) -> None:
    """Let a UNet's blocks divide by nothing where they divide by 1, which changes no bit.

    At small batches a GPU waits for launches, and these are every thirteenth.
    """
    for module in model.modules():
        for name in _FACTORS:
            if vars(module).get(name) == 1.0:
                setattr(module, name, One())


def compiled(forward: Callable[..., Any]) -> Callable[..., Any]:
    """A model's forward method, compiled for each shape of its inputs; as it was under gradients.

    Guidance records what happens inside the model, which a compiled one does not show; what it
    evaluates without a gradient, most of its steps and half of the others, is compiled.
    """
    import torch
    from torch.utils import _pytree as pytree

    fast = torch.compile(forward, mode="reduce-overhead", dynamic=False)

    @functools.wraps(forward)
    def answer(*inputs: Any, **options: Any) -> Any:
        if torch.is_grad_enabled():
            return forward(*inputs, **options)
        # The memory of a graph's answer is its own, and overwritten when it is replayed.
        return pytree.tree_map_only(torch.Tensor, torch.clone, fast(*inputs, **options))

    return answer
