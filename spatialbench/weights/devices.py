"""Devices and number types by name, checked before anything large is loaded onto them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import UserError, unknown_name

if TYPE_CHECKING:
    import torch

DTYPES = ("float32", "float16", "bfloat16")


def check_dtype(dtype: str, device: str) -> torch.dtype:
    """The torch dtype of a name.

    Raises:
        UserError: an unknown name, or float16 on the CPU.
    """
    import torch

    require_dtype(dtype, device)
    value: torch.dtype = getattr(torch, dtype)
    return value


def require_dtype(dtype: str, device: str) -> None:
    """As :func:`check_dtype`, without loading torch."""
    if dtype not in DTYPES:
        raise unknown_name("dtype", dtype, DTYPES)
    if dtype == "float16" and device.partition(":")[0] == "cpu":
        raise UserError(
            "float16 on the CPU is slow and overflows; use --dtype float32 (or bfloat16), or "
            "--device cuda."
        )


def check_device(device: str) -> torch.device:
    """The torch device of a name.

    Raises:
        UserError: no such kind of device, or this machine has none.
    """
    import torch

    try:
        chosen = torch.device(device)
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = next(iter(str(error).splitlines()), "")
        raise UserError(
            f"the device {device!r} cannot be used here ({reason}); give --device cpu, or a "
            "device that this installation of torch supports."
        ) from error
    return chosen
