"""Official checkpoints, read without running code from them and fitted without leaving a doubt."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UserError
from .loading import check_finite, check_keys

if TYPE_CHECKING:
    import torch


def read_checkpoint(path: Path, key: str) -> dict[str, torch.Tensor]:
    """The tensors of a ``.pth`` (under ``key`` where it holds more than them) or ``.safetensors``.

    Raises:
        UserError: no such file, or no file of that kind, or one that would need to run code.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not path.is_file():
        raise UserError(f"there is no checkpoint {path}; give the path of the downloaded file.")
    try:
        if path.suffix == ".safetensors":
            content: Any = load_file(path)
        else:
            with torch.serialization.safe_globals(_numpy_scalars()):
                content = torch.load(path, map_location="cpu", weights_only=True)
    except SafetensorError as error:
        raise UserError(f"{path} is a damaged safetensors file ({error}); get it again.") from error
    # A pickle program raises whatever it likes: KeyError, IndexError, struct.error.
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"{path} cannot be read as a checkpoint ({reason}); download it again and compare its "
            "size with the source's (a saved web page is the usual cause)."
        ) from error
    if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
        content = content[key]
    if not isinstance(content, Mapping) or not content:
        raise UserError(f"{path} holds no weights; expected a dictionary of tensors under {key!r}.")
    tensors = {str(name): value for name, value in content.items()}
    odd = sorted(name for name, value in tensors.items() if not _plain(value))
    if odd:
        raise UserError(
            f"{path} holds entries that are not plain tensors ({', '.join(odd[:4])}); expected a "
            f"dictionary of tensors, alone or under {key!r}."
        )
    return tensors


def fit(model: torch.nn.Module, state: Mapping[str, torch.Tensor], what: str) -> None:
    """Put exactly ``state`` into ``model`` (which may be on the meta device), ready to infer.

    Raises:
        UserError: keys that are missing, unexpected or misshapen (counted and named), or weights
            that are not finite.
    """
    import torch

    wanted = model.state_dict()
    misshapen = [
        f"{name} {list(state[name].shape)} instead of {list(value.shape)}"
        for name, value in wanted.items()
        if name in state and state[name].shape != value.shape
    ]
    misshapen += [
        f"{name} of {state[name].dtype} instead of {value.dtype}"
        for name, value in wanted.items()
        if name in state and state[name].is_floating_point() != value.is_floating_point()
    ]
    check_keys(
        what,
        {
            "missing_keys": wanted.keys() - state.keys(),
            "unexpected_keys": state.keys() - wanted.keys(),
            "mismatched_keys": misshapen,
        },
    )
    converted = {
        name: value.to(torch.float32) if value.is_floating_point() else value
        for name, value in state.items()
    }
    model.load_state_dict(converted, assign=True)
    check_finite(what, model)
    model.eval().requires_grad_(False)


def _plain(value: Any) -> bool:
    """Whether a value is a tensor with its numbers in it: not sparse, quantized or on no device."""
    import torch

    return (
        isinstance(value, torch.Tensor)
        and value.layout is torch.strided
        and not (value.is_meta or value.is_quantized or value.is_nested)
    )


def _numpy_scalars() -> list[Any]:
    """What a training loop's counters are pickled as: numbers, not code."""
    import numpy as np
    from numpy._core import multiarray

    kinds = [type(np.dtype(name)) for name in ("float64", "float32", "int64", "int32", "bool")]
    return [
        (multiarray.scalar, "numpy.core.multiarray.scalar"),
        multiarray.scalar,
        np.dtype,
        *kinds,
    ]
