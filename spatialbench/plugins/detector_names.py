"""What a user may call a detector or a judge: its plug-in's name with or without weights, or its
signature.

``owlvit``, ``owlvit:FOLDER``, ``owlvit-base-patch32@cbc355f`` and ``owlvit-base-patch32`` all name
one, wherever a detector is named.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

from .. import plugins
from ..errors import UserError, unknown_name
from . import DetectorPlugin, JudgePlugin
from .discovery import name_and_rest
from .evidence import Looking

_PREPARED = "+"
"""Between a detector's own signature and what a benchmark put behind it."""


@overload
def plugin_of(given: str) -> tuple[DetectorPlugin, str | None]: ...
@overload
def plugin_of(given: str, kind: Looking) -> tuple[DetectorPlugin | JudgePlugin, str | None]: ...
def plugin_of(
    given: str, kind: Looking = "detector"
) -> tuple[DetectorPlugin | JudgePlugin, str | None]:
    """The plug-in that is meant, and the weights given with its name (None: its own).

    Raises:
        UserError: neither a plug-in's name nor the signature of one with its own weights.
    """
    name, weights = name_and_rest(kind, given)
    known = plugins.names(kind)
    if name in known or ":" in name:
        return plugins.given(kind, name), weights
    for one in known:
        plugin = _loaded(kind, one)
        if plugin is not None and _is_of(plugin, None, given):
            return plugin, None
    if "@" in given:
        raise UserError(
            f"no {kind} has the signature {given!r} with its own weights: give --{kind} NAME, "
            f"or NAME:WEIGHTS for others; known names: {', '.join(known)}."
        )
    raise unknown_name(kind, given, known)


def matching(given: str, signatures: Sequence[str], kind: Looking = "detector") -> list[str]:
    """Which of these signatures a user can mean.

    One that is exactly as given is the only one; else those of the plug-in of that name, and those
    with that word before their ``@``.
    """
    if given in signatures:
        return [given]
    found = {one for one in signatures if given == one.partition("@")[0]}
    name, weights = name_and_rest(kind, given)
    known = name in plugins.names(kind) or ":" in name
    plugin = _loaded(kind, name) if known else None
    if plugin is not None:
        found |= {one for one in signatures if _is_of(plugin, weights, one)}
        if not weights:
            found |= {one for one in signatures if _begins_with(kind, name, one)}
    return [one for one in signatures if one in found]


def _is_of(plugin: DetectorPlugin | JudgePlugin, weights: str | None, signature: str) -> bool:
    """Whether a signature is that of a plug-in with these weights, as far as it can be told."""
    start = None if weights else plugin.signature_start
    own = signature.partition(_PREPARED)[0]
    if start is not None:
        return own.startswith(start)
    try:
        return own == plugin.configure(weights, "cpu", True).signature()
    except UserError:
        return False


def _begins_with(kind: Looking, name: str, signature: str) -> bool:
    """Whether a plug-in's name begins a signature, and no longer name of a plug-in does."""
    word = signature.partition("@")[0]
    longest = max(
        (known for known in plugins.names(kind) if f"{word}-".startswith(f"{known}-")),
        key=len,
        default=None,
    )
    return longest == name


def _loaded(kind: Looking, name: str) -> DetectorPlugin | JudgePlugin | None:
    """A plug-in, or None for one that is broken."""
    try:
        plugin: DetectorPlugin | JudgePlugin = plugins.given(kind, name)
        return plugin
    except UserError:
        return None
