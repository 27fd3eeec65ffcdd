"""How an image gets its seed: as the benchmark prescribes, or by a hash."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from ..errors import UserError
from ..plugins import BenchmarkPlugin
from ..prompts import Prompt

_SEED_BITS = 63


@dataclass(frozen=True, slots=True)
class SeedScheme:
    """``protocol`` (the benchmark's own seeds) or ``hashed`` with a base.

    Attributes:
        base: None for ``protocol``; otherwise any integer, which changes every hashed seed.
    """

    base: int | None = None

    @classmethod
    def parse(cls, text: str) -> SeedScheme:
        """Read ``protocol``, ``hashed`` (base 0) or ``hashed:7``.

        Raises:
            UserError: any other text.
        """
        name, colon, base = text.partition(":")
        if name == "protocol" and not colon:
            return cls()
        if name == "hashed" and not colon:
            return cls(0)
        if name == "hashed" and base.removeprefix("-").isdecimal() and base.isascii():
            return cls(int(base))
        raise UserError(
            f"unknown seed scheme {text!r}: expected 'protocol', 'hashed' or 'hashed:INTEGER', "
            "for example --seed-scheme hashed:7."
        )

    def __str__(self) -> str:
        if self.base is None:
            return "protocol"
        return f"hashed:{self.base}" if self.base else "hashed"

    def seed(self, benchmark: BenchmarkPlugin, prompt: Prompt, index: int) -> int:
        """Seed of one image, in ``[0, 2**63)`` under ``hashed``."""
        if self.base is None:
            return benchmark.seed(prompt, index)
        text = "\0".join((benchmark.name, prompt.id, str(index), str(self.base)))
        digest = hashlib.sha256(text.encode()).digest()
        return int.from_bytes(digest[:8]) >> (64 - _SEED_BITS)
