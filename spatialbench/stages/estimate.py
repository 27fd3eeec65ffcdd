"""A rough estimate of what a run costs in time and on disk, before it is started.

Arithmetic of one denoising step with classifier-free guidance, in TFLOP, at the backbone's own
size; the rates are what the devices reach in practice on such models, not what they advertise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import UserError
from ..plugins import load
from ..runs.names import backbone_name

_CPU_TFLOP_A_SECOND = 0.1
_GPU_TFLOP_A_SECOND = {"float32": 30.0, "float16": 120.0, "bfloat16": 120.0}
_BYTES_A_PIXEL = 1.6
_BYTES_A_RECORD = 1500


@dataclass(frozen=True, slots=True)
class Estimate:
    """``seconds`` is None for a backbone nobody has measured; ``bytes`` are on disk."""

    seconds: float | None
    bytes: int | None


def estimate(generator: Mapping[str, Any], images: int, device: str) -> Estimate:
    """Time and disk for so many images.

    Args:
        generator: its identity; ``method``, ``backbone``, ``steps``, ``scheduler``, ``width``,
            ``height`` and ``dtype`` are used where it has them.
        images: how many.
        device: ``cpu`` or an accelerator.
    """
    from ..backbones.schedulers import evaluations

    steps, width, height = (_count(generator.get(key)) for key in ("steps", "width", "height"))
    step = _step_tflop(backbone_name(generator))
    seconds = None
    if step is not None and steps is not None:
        dtype = str(generator.get("dtype", "float32"))
        rate = _CPU_TFLOP_A_SECOND if device == "cpu" else _GPU_TFLOP_A_SECOND.get(dtype, 30.0)
        asked = evaluations(generator.get("scheduler"), steps)
        seconds = images * asked * step * _step_factor(generator) / rate
    size = None
    if width is not None and height is not None:
        size = round(images * (width * height * _BYTES_A_PIXEL + _BYTES_A_RECORD))
    return Estimate(seconds, size)


def _step_tflop(name: str) -> float | None:
    """What the backbone of that name says of a step; None for one nobody has measured."""
    from ..backbones.named import registered

    try:
        return registered(name).step_tflop
    except UserError:
        return None


def _step_factor(generator: Mapping[str, Any]) -> float:
    """How many plain steps one of the method's steps is worth, as its plug-in says."""
    name = str(generator.get("method"))
    try:
        return load("method", name).steps_worth(dict(generator))
    except UserError:
        return 1.0


def duration(seconds: float | None) -> str:
    """``about 3 minutes``, in the largest unit that gives at least one."""
    if seconds is None:
        return "unknown for this backbone"
    for unit, length in (("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 2 * length:
            return f"about {seconds / length:.0f} {unit}"
    whole = max(round(seconds), 1)
    return f"about {whole} second{'s' if whole > 1 else ''}"


def size(count: int | None) -> str:
    """``about 45 GB``, powers of ten."""
    if count is None:
        return "unknown"
    for unit, length in (("GB", 1e9), ("MB", 1e6)):
        if count >= length:
            return f"about {count / length:.1f} {unit}"
    return f"about {count / 1e3:.0f} kB"


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
