"""Devices and number types by name, checked before anything large is loaded onto them."""

from __future__ import annotations

import ctypes
import re
import sys
from typing import TYPE_CHECKING

from ..errors import UserError, unknown_name

if TYPE_CHECKING:
    import torch

_DEVICE = re.compile(r"cpu|mps|(cuda|xpu)(:\d+)?")
_CUDA_DRIVER = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
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


def chosen_device(given: str | None) -> str:
    """The device to work on: the one given, else cuda where an NVIDIA driver and torch have one.

    torch is imported only where it has to be asked, so that a finished run is told quickly.

    Raises:
        UserError: a word that is not a device, or a device this machine or this torch lacks.
    """
    if given is None:
        return "cuda" if _driver() and _has("cuda") else "cpu"
    kind = named_device(given).partition(":")[0]
    if kind != "cpu" and not _has(kind):
        raise UserError(
            f"--device {given}: this torch finds no {kind} device here; use --device cpu, or "
            "install a torch build for your accelerator ('spatialbench doctor' shows which it is)."
        )
    return given


def named_device(given: str) -> str:
    """The word for a device, whether or not this machine has one.

    Raises:
        UserError: a word that is not a device.
    """
    if not _DEVICE.fullmatch(given):
        raise UserError(f"--device {given!r} is not a device: give cpu, cuda, cuda:N, mps or xpu.")
    return given


def _driver() -> bool:
    try:
        ctypes.CDLL(_CUDA_DRIVER)
    except OSError:
        return False
    return True


def _has(kind: str) -> bool:
    import torch

    if kind == "mps":
        return torch.backends.mps.is_available()
    module = getattr(torch, kind, None)
    return module is not None and bool(module.is_available())
