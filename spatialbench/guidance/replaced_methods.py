"""Standing in for methods of an object during one pipeline call."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any


@contextmanager
def methods_replaced(target: Any, methods: Mapping[str, Callable[..., Any]]) -> Iterator[None]:
    """Inside the block, methods of ``target`` are others; what was there is put back after it.

    They keep the signatures of those they stand in for: pipelines look there for options.
    """

    def with_signature(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(getattr(target, name))
        def stand_in(*args: Any, **options: Any) -> Any:
            return method(*args, **options)

        return stand_in

    before = {name: vars(target)[name] for name in methods if name in vars(target)}
    try:
        vars(target).update({name: with_signature(name, m) for name, m in methods.items()})
        yield
    finally:
        for name in methods:
            vars(target).pop(name, None)
        vars(target).update(before)
