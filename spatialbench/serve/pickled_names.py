"""What stands for the few names that a plain pickle holds: fixed conversions, and no imports."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

ADMITTED = "only plain containers, bytes, text, numbers and numpy scalars are read"


class NotPlain(ValueError):
    """The bytes are no pickle of plain values; the message says why."""


class _Dtype:
    """numpy's dtype of a scalar, as far as it is read."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.order = "|"


_NUMBERS = {f"{kind}{size}" for kind in "iu" for size in (1, 2, 4, 8)}
_NUMBERS |= {"b1", "f2", "f4", "f8", "c8", "c16"}
_TEXTS = {"U": 4, "S": 1}
"""Bytes per character of numpy's flexible scalars."""


def _latin_bytes(text: object, encoding: object) -> bytes:
    if isinstance(text, str) and encoding in ("latin1", "latin-1"):
        return text.encode("latin-1")
    raise NotPlain("the pickle encodes something else than bytes")


def _no_bytes() -> bytes:
    return b""


def _dtype(code: object, align: object, copy: object) -> _Dtype:
    if isinstance(code, str) and (code in _NUMBERS or _characters(code) is not None):
        return _Dtype(code)
    raise NotPlain(f"the pickle holds a numpy scalar of type {code!r:.20}: {ADMITTED}")


def _characters(code: str) -> int | None:
    """How many characters a flexible type such as ``U5`` has; None for another type."""
    length = code[1:]
    plain = code[:1] in _TEXTS and length.isascii() and length.isdecimal() and len(length) < 10
    return int(length) if plain else None


def _scalar(dtype: object, content: object) -> Any:
    if not isinstance(dtype, _Dtype) or not isinstance(content, bytes):
        raise NotPlain("the pickle holds a numpy scalar that is none")
    kind, characters = dtype.code[0], _characters(dtype.code)
    size = int(dtype.code[1:]) if characters is None else characters * _TEXTS[kind]
    if len(content) != size:
        raise NotPlain("the pickle holds a numpy scalar of another size than its type")
    if size == 0:
        return "" if kind == "U" else b""
    return np.frombuffer(content, dtype.order + dtype.code)[0].item()


_KNOWN: dict[str, Callable[..., Any]] = {
    "_codecs encode": _latin_bytes,
    "__builtin__ bytes": _no_bytes,
    "builtins bytes": _no_bytes,
    "numpy dtype": _dtype,
    "numpy.core.multiarray scalar": _scalar,
    "numpy._core.multiarray scalar": _scalar,
}
"""What stands for a name, by module and name; the only things that are ever called."""


def known(name: str) -> Callable[..., Any]:
    """What stands for ``module name``. Raises NotPlain for any other name."""
    if name not in _KNOWN:
        shown = name.replace(" ", ".")
        raise NotPlain(f"the pickle names {shown:.80}: {ADMITTED}")
    return _KNOWN[name]


def is_known(value: Any) -> bool:
    """Whether a value is one of those conversions, which alone are called."""
    return any(value is function for function in _KNOWN.values())


def set_order(dtype: Any, state: Any) -> None:
    """Set a dtype's byte order, which is the part of its state that says more than its code."""
    order = state[1] if isinstance(state, tuple) and len(state) > 1 else None
    if not isinstance(dtype, _Dtype) or order not in ("<", ">", "|", "="):
        raise NotPlain(f"the pickle sets the state of an object: {ADMITTED}")
    dtype.order = order
