"""How an image gets its seed: as the benchmark prescribes, by a hash, or nobody knows."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from ..errors import UserError
from ..plugins import Benchmark
from ..prompts import Prompt

_SEED_BITS = 63
_BASE = re.compile(r"-?\d{1,40}", re.ASCII)


@dataclass(frozen=True, slots=True)
class SeedScheme:
    """``protocol`` (the benchmark's own seeds), ``hashed`` with a base, or ``unknown``.

    Attributes:
        base: None for ``protocol``; otherwise any integer, which changes every hashed seed.
        known: False for images from elsewhere whose seeds were not recorded.
    """

    base: int | None = None
    known: bool = True

    @classmethod
    def parse(cls, text: str) -> SeedScheme:
        """Read ``protocol``, ``hashed`` (base 0), ``hashed:7`` or ``unknown``.

        Raises:
            UserError: any other text.
        """
        name, colon, base = text.partition(":")
        if name == "protocol" and not colon:
            return cls()
        if name == "unknown" and not colon:
            return cls(known=False)
        if name == "hashed" and not colon:
            return cls(0)
        if name == "hashed" and _BASE.fullmatch(base):
            return cls(int(base))
        raise UserError(
            f"unknown seed scheme {text!r}: expected 'protocol', 'hashed' or 'hashed:INTEGER', "
            "for example --seed-scheme hashed:7."
        )

    def __str__(self) -> str:
        if not self.known:
            return "unknown"
        if self.base is None:
            return "protocol"
        return f"hashed:{self.base}" if self.base else "hashed"

    def seed(self, benchmark: Benchmark, prompt: Prompt, index: int) -> int:
        """Seed of one image, in ``[0, 2**63)`` under ``hashed``.

        Raises:
            UserError: an ``unknown`` scheme, with which nothing can be made.
        """
        if not self.known:
            raise UserError(
                "the seeds of this run are unknown, so no image of it can be made: import the "
                "images it lacks, or start a run with --seed-scheme protocol."
            )
        if self.base is None:
            return benchmark.seed(prompt, index)
        text = "\0".join((benchmark.name, prompt.id, str(index), str(self.base)))
        digest = hashlib.sha256(text.encode()).digest()
        return int.from_bytes(digest[:8]) >> (64 - _SEED_BITS)
