"""A run's identity: a versioned hash of everything that decides its pixels and verdicts."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

IDENTITY_VERSION = 1
"""Raised when the meaning of an identity changes; old runs then keep their own directories."""

ID_LENGTH = 12

_EXACT_INTEGERS = 2.0**53


def canonical_json(value: Any) -> str:
    """One text for one value: sorted keys, no spaces, ASCII.

    A float without a fraction is written as an integer, so that ``7`` and ``7.0`` given on two
    command lines mean one run.

    Raises:
        TypeError: a value or key that JSON does not have; the message names its place.
        ValueError: NaN or infinity, the message names its place; or too deep a nesting.
    """
    try:
        return json.dumps(_plain(value, "identity"), sort_keys=True, separators=(",", ":"))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def run_id(identity: Mapping[str, Any]) -> str:
    """The first 12 hexadecimal digits of the SHA-256 of the canonical JSON."""
    return hashlib.sha256(canonical_json(identity).encode()).hexdigest()[:ID_LENGTH]


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Fields in which two identities differ, as ``generator.steps: 20 -> 50``, sorted by field.

    Raises:
        TypeError: as ``canonical_json``; so for ValueError.
    """
    try:
        before, after = flat(old), flat(new)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return [
        f"{name}: {before.get(name, 'absent')} -> {after.get(name, 'absent')}"
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]


def _plain(value: Any, place: str) -> Any:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{place} is {value}: an identity holds finite numbers only")
        return int(value) if value.is_integer() and abs(value) < _EXACT_INTEGERS else value
    if isinstance(value, list | tuple):
        return [_plain(item, f"{place}[{number}]") for number, item in enumerate(value)]
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"{place} has the key {key!r}: keys must be text")
        return {key: _plain(item, f"{place}.{key}") for key, item in value.items()}
    raise TypeError(f"{place} is a {type(value).__name__}: plain JSON values only")


def flat(value: Any, place: str = "") -> dict[str, str]:
    """Leaves of an identity as canonical JSON, by dotted name."""
    if isinstance(value, Mapping) and value:
        leaves: dict[str, str] = {}
        for key, item in value.items():
            leaves |= flat(item, f"{place}.{key}" if place else str(key))
        return leaves
    return {place: canonical_json(value)}
