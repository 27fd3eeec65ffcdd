"""Names that become parts of a path, and the names a generator's identity gives itself."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from ..errors import UserError
from ..plugins.layout import ONE_FILE

_SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_UNSAFE_CHARACTERS = re.compile(r"[^A-Za-z0-9._@-]+")
IMPORTED = "imported"
"""The version of a method whose images, detections or results were made elsewhere."""
_LONGEST = 200
"""Characters of a folder name; file systems take 255, and a few for an ending."""


def safe_id(prompt_id: str) -> str:
    """The prompt id itself, if it can be a folder name that stays inside its parent.

    Raises:
        UserError: anything but 1 to 128 letters, digits, ``.``, ``_`` and ``-``, beginning with a
            letter, a digit or ``_``.
    """
    if not _SAFE.fullmatch(prompt_id):
        raise UserError(
            f"the prompt id {prompt_id!r} cannot be a folder name: expected letters, digits, '.', "
            "'_' and '-' only, at most 128, not beginning with '.' or '-'; correct the benchmark."
        )
    return prompt_id


def slug(text: str) -> str:
    """A readable folder name for any text, the same on every file system.

    One that would be too long for some ends with a hash of the text instead.
    """
    name = _UNSAFE_CHARACTERS.sub("-", text).strip(".-") or "unnamed"
    if len(name) <= _LONGEST:
        return name
    return f"{name[: _LONGEST - 13]}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def method_name(generator: Mapping[str, Any]) -> str:
    """The ``method`` of a generator's identity; with a prompt transform as ``sd+tore``.

    What was made elsewhere keeps the name that its owner gave it.
    """
    method = str(generator.get("method", "unnamed"))
    if generator.get("version") == IMPORTED:
        return method
    transform = str(generator.get("prompt_transform") or "none").partition("/")[0]
    return method if transform == "none" else f"{method}+{transform}"


def backbone_name(generator: Mapping[str, Any]) -> str:
    """The short name of the ``backbone`` of a generator's identity."""
    backbone = generator.get("backbone", "none")
    if isinstance(backbone, Mapping):
        backbone = backbone.get("name", "unnamed")
    return str(backbone)


def backbone_revision(generator: Mapping[str, Any]) -> str:
    """The revision or weight hash of the backbone in a generator's identity, or nothing."""
    backbone = generator.get("backbone")
    if not isinstance(backbone, Mapping):
        return ""
    return str(backbone.get("revision") or backbone.get("weights") or "")


def imported_kind(generator: Mapping[str, Any]) -> str | None:
    """``detections`` or ``results`` where these were imported instead of images, else None."""
    if generator.get("version") != IMPORTED:
        return None
    layout = generator.get("layout")
    return layout if layout in ONE_FILE else None
