"""Reading a method's ``--set key=value`` parameters against what it declares."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..errors import UserError, unknown_name
from . import Parameter

_TRUE, _FALSE = {"true", "yes", "on", "1"}, {"false", "no", "off", "0"}


def read_parameters(
    method: str,
    declared: Mapping[str, Parameter],
    given: Mapping[str, Any],
    spelling: Callable[[str, Any], str] = "--set {}={}".format,
) -> dict[str, Any]:
    """Every declared parameter with its given or default value, of the default's type.

    Values may be text from a command line or already of the right type. A parameter whose default
    is None takes any value as it is; one whose default is a text takes a number as its text.

    Args:
        method: what takes the parameters, for the errors.
        spelling: how a user gives a parameter, from its name and value.

    Raises:
        UserError: a parameter the method does not take (near matches listed), or a value that is
            not of the default's type.
    """
    for key in given:
        if key not in declared:
            raise unknown_name(f"parameter of {method}", key, declared)
    return {
        key: _convert(method, key, given[key], parameter.default, spelling)
        if key in given
        else parameter.default
        for key, parameter in declared.items()
    }


def _convert(
    method: str, key: str, value: Any, default: Any, spelling: Callable[[str, Any], str]
) -> Any:
    if default is None:
        return value
    kind = type(default)
    try:
        if kind is bool:
            return _boolean(value)
        if kind is int and not isinstance(value, bool) and float(value) == int(float(value)):
            return int(float(value))
        if kind is float and not isinstance(value, bool) and math.isfinite(float(value)):
            return float(value)
        if kind is str and isinstance(value, str | int | float) and not isinstance(value, bool):
            return str(value)
    except (TypeError, ValueError, OverflowError):
        pass
    names = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
    raise UserError(
        f"{method} takes {names.get(kind, kind.__name__)} for {key}, not {value!r}: "
        f"give {spelling(key, default)}."
    )


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).lower()
    if text in _TRUE | _FALSE:
        return text in _TRUE
    raise ValueError(text)


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
            raise UserError(f"--set {text!r} is not an assignment: give it as --set KEY=VALUE.")
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
