"""The settings of every method, as far as a server has them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ...errors import UserError
from ...files.documents import parse_json
from ...plugins import GenerationSettings
from .access import Address
from .decoding import Size

_DEFAULT = GenerationSettings()


def refuse_settings(method: str, settings: GenerationSettings, *others: str) -> None:
    """Refuse what decides pixels and stands at the server.

    Args:
        others: further fields of the settings that this server does not take.

    Raises:
        UserError: names the option.
    """
    for name in ("backbone", "scheduler", "dtype", *others):
        if getattr(settings, name) != getattr(_DEFAULT, name):
            option = name.replace("_", "-")
            raise UserError(
                f"--{option}: {method} takes that as its server has it; leave --{option} out"
                + (", and name the model by --set model=." if name == "backbone" else ".")
            )


def refuse_offline(settings: GenerationSettings, address: Address) -> None:
    """Raises UserError for a server elsewhere, where nothing may be taken from the network."""
    if settings.offline and not address.loopback:
        raise UserError(
            f"--offline, and the images are to come from {address.host}: leave --offline out."
        )


def size_of(settings: GenerationSettings) -> Size | None:
    """Width and height; None where neither is given.

    Raises:
        UserError: one without the other.
    """
    width, height = settings.width, settings.height
    if width is None and height is None:
        return None
    if width is None or height is None:
        raise UserError("a server is told both sides: give --width and --height.")
    return width, height


def extra_fields(text: str, own: Collection[str]) -> dict[str, Any]:
    """Further fields of a request, from JSON.

    Args:
        own: fields that are set here, and by nobody else.

    Raises:
        UserError: no JSON object, or one with such a field.
    """
    if not text:
        return {}
    try:
        found = parse_json(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise UserError("""extra is no JSON object: give it as --set 'extra={"steps": 20}'.""")
    for name in own:
        if name in found:
            raise UserError(
                f"extra sets {name}, which is set for each image or by an option: leave it out."
            )
    return found
