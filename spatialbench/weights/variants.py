"""Weights in one precision among several: which of a folder's files are loaded.

The libraries call weights ``model.safetensors`` or ``diffusion_pytorch_model.safetensors``, in
parts or whole, and those of a special precision ``model.fp16.safetensors``. Where there are plain
ones they are taken; some repositories hold a special precision only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

PRECISIONS = ("fp32", "bf16", "fp16")
"""Those that are taken where nothing plain is there, the most precise first."""

STEMS = ("diffusion_pytorch_model", "model")
"""What diffusers and transformers call weights."""

_FILE = re.compile(
    rf"(?:{'|'.join(STEMS)})"
    r"(?:\.(?P<before>\w+))?(?:-\d+-of-\d+)?(?:\.(?P<after>\w+))?\.safetensors"
    r"(?:\.index(?:\.(?P<index>\w+))?\.json)?"
)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The weights that are loaded.

    Attributes:
        names: their files and indexes.
        variant: ``fp16``, ...; None for plain ones.
    """

    names: tuple[str, ...] = ()
    variant: str | None = None


def chosen(names: Iterable[str]) -> Chosen:
    """Of the names in a folder, those of the weights that are loaded; none where there are none."""
    found: dict[str | None, list[str]] = {}
    for name in sorted(names):
        if match := _FILE.fullmatch(name):
            found.setdefault(next(filter(None, match.groups()), None), []).append(name)
    variant = next((one for one in (None, *PRECISIONS) if _whole(found.get(one, ()))), None)
    return Chosen(tuple(found.get(variant, ())), variant)


def _whole(names: Iterable[str]) -> bool:
    return any(name.endswith(".safetensors") for name in names)
