"""How a server is asked: how many requests at the same time, how long, how often again."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import UserError

_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 8.0
_JITTER = 0.25
"""As OpenAI's own client: half a second, doubled up to eight, less up to a quarter by chance."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How a server is asked; nothing of it changes an image.

    Attributes:
        concurrency: requests at the same time.
        timeout: seconds to wait for one answer.
        retries: how often a request that failed is made again.
        probe: whether to find out about seeds.
        pause: sleeps so many seconds; None for as long, or until there is no need any more.
    """

    concurrency: int
    timeout: float
    retries: int
    probe: bool
    pause: Callable[[float], None] | None = None

    @classmethod
    def read(cls, method: str, values: Mapping[str, Any]) -> Manner:
        """From a method's parameters. Raises UserError for one out of range."""
        for name, low, high in (
            ("concurrency", 1, 256),
            ("timeout", 0.1, 86400),
            ("retries", 0, 100),
        ):
            if not low <= values[name] <= high:
                raise UserError(
                    f"{method} takes {name} from {low:g} to {high:g}, not {values[name]:g}."
                )
        return cls(*(values[name] for name in ("concurrency", "timeout", "retries", "probe")))


def own_wait(attempt: int) -> float:
    """Seconds before a request is made again, where the server does not say; ``attempt`` from 1."""
    base: float = min(_FIRST_WAIT_S * 2 ** (attempt - 1), _LONGEST_WAIT_S)
    return base * (1 - _JITTER * random.random())
