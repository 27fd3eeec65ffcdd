"""Reading the values of options: finite numbers, KEY=VALUE, devices."""

from __future__ import annotations

import ctypes
import json
import math
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from ..errors import UserError, unknown_name

_DEVICE = re.compile(r"cpu|mps|(cuda|xpu)(:\d+)?")
_CUDA_DRIVER = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"


class FiniteFloat(click.ParamType[float, str | float]):
    """A number from ``low`` to ``high``; NaN and infinity are no numbers here."""

    name = "number"

    def __init__(self, low: float, high: float = math.inf) -> None:
        self.low, self.high = low, high

    def convert(
        self, value: str | float, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """See ``click.ParamType.convert``."""
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not (math.isfinite(number) and self.low <= number <= self.high):
            upper = "" if math.isinf(self.high) else f" and at most {self.high:g}"
            self.fail(f"{value} is not a number of at least {self.low:g}{upper}.", param, ctx)
        return number


class Utf8(click.ParamType[str, str]):
    """A text that is stored and shown, so that its bytes have to be UTF-8."""

    name = "text"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """See ``click.ParamType.convert``."""
        try:
            value.encode()
        except UnicodeEncodeError:
            self.fail(f"{value!r} is not UTF-8: give a name that is.", param, ctx)
        return value


def assignments(given: Sequence[str], known: Mapping[str, Any]) -> dict[str, Any]:
    """``--set`` options as a dict; numbers, true, false and null are read as JSON, else text.

    Raises:
        UserError: no ``=``, a key that the method does not have, or the same key twice.
    """
    values: dict[str, Any] = {}
    for text in given:
        key, equals, value = text.partition("=")
        key = key.strip()
        if not equals or not key:
            raise UserError(f"--set {text!r} is no assignment: give it as --set KEY=VALUE.")
        if key not in known:
            raise unknown_name("parameter", key, known)
        if key in values:
            raise UserError(f"--set gives {key!r} twice: give each parameter once.")
        values[key] = _value(value)
    return values


def _value(text: str) -> Any:
    try:
        value = json.loads(text, parse_constant=lambda word: word)
    except ValueError:
        return text
    return text if isinstance(value, dict | list | str) else value


def device(given: str | None) -> str:
    """The device to work on: the one given, else cuda where an NVIDIA driver and torch have one.

    torch is imported only where it has to be asked, so that a finished run is told quickly.

    Raises:
        UserError: a word that is no device, or a device this machine or this torch lacks.
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
        UserError: a word that is no device.
    """
    if not _DEVICE.fullmatch(given):
        raise UserError(f"--device {given!r} is no device: expected cpu, cuda, cuda:N, mps or xpu.")
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
