"""Hostile inputs: valid files changed in their bytes, in their JSON, or in their inner structure.

Everything is drawn from one ``random.Random``. The tests let hypothesis play its part, so that a
failing input shrinks; the long run by hand seeds it with a number, which is a hundred times faster.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

Make = Callable[[Random], bytes]

NAMES = (
    *("../../escape", "/etc/passwd", "..\\escape", "C:x", "", ".", "-", "a" * 300, "é" * 90),
    *("\x1b[2J", "\ud800", "\x00", "\u202e", "a\nb", "dog", "left", "0", "1e400", "NaN"),
)
NUMBERS = (
    *(0, -0.0, 1, -1, 0.5, 255, 2**31, -(2**31), 2**53 + 1, 2**63, -(2**63) - 1, 2**64, 10**400),
    *(1e308, -1e308, 1e-320, 3.5e38, float("nan"), float("inf"), -float("inf"), True, False),
)
_DEPTHS = (300, 700, 950, 2_000, 100_000)
_CODES = ("utf-16", "utf-32", "utf-8-sig", "utf-16-le")


def value(random: Random, depth: int = 3) -> Any:
    """Any JSON value, odd ones preferred."""
    kind = random.randrange(8 if depth else 5)
    if kind == 0:
        return None
    if kind <= 2:
        return random.choice(NUMBERS)
    if kind <= 4:
        return random.choice(NAMES)
    if kind == 5:
        return [value(random, depth - 1) for _ in range(random.randrange(5))]
    if kind == 6:
        return {random.choice(NAMES): value(random, depth - 1) for _ in range(random.randrange(4))}
    return [[]] * random.randrange(40)


def changed_bytes(random: Random, seed: bytes) -> bytes:
    """One to three cuts, flips, insertions or repetitions."""
    content = bytearray(seed)
    for _ in range(random.randrange(1, 4)):
        place, length = random.randrange(len(content) + 1), random.randrange(1, 40)
        kind = random.randrange(5)
        if kind == 0:
            del content[place:]
        elif kind == 1:
            del content[place : place + length]
        elif kind == 2:
            content[place : place + length] = noise(random, 40)
        elif kind == 3:
            content[place:place] = content[place : place + length] * random.randrange(1, 4)
        elif content:
            content[place - 1] ^= 1 << random.randrange(8)
    return bytes(content)


def changed_json(random: Random, seed: Any) -> Any:
    """One to three parts replaced, removed, renamed or doubled."""
    tree = copy.deepcopy(seed)
    for _ in range(random.randrange(1, 4)):
        *way, last = random.choice(_places(tree)) or (None,)
        if last is None:
            return value(random)
        parent = tree
        for step in way:
            parent = parent[step]
        kind = random.randrange(6)
        if kind == 0:
            del parent[last]
        elif kind == 1 and isinstance(parent, dict):
            parent[random.choice(NAMES)] = parent.pop(last)
        elif kind == 2 and isinstance(parent, list):
            parent.insert(0, copy.deepcopy(parent[last]))
        else:
            parent[last] = value(random)
    return tree


def noise(random: Random, most: int = 60) -> bytes:
    """Bytes that are nothing."""
    return bytes(random.randrange(256) for _ in range(random.randrange(most)))


def dumped(content: Any) -> bytes:
    """JSON as Python writes it, NaN, lone surrogates and all."""
    return json.dumps(content).encode()


def json_file(seeds: Sequence[Any]) -> Make:
    """Documents near valid ones, bytes near valid ones, and bytes that are nothing."""

    def make(random: Random) -> bytes:
        kind = random.randrange(20)
        seed = random.choice(seeds)
        if kind < 11:
            return dumped(changed_json(random, seed))
        if kind < 16:
            return changed_bytes(random, dumped(seed))
        if kind == 16:
            return dumped(seed).decode().encode(random.choice(_CODES))
        if kind == 17:
            return dumped(value(random))
        if kind == 18:
            return _extreme(random)
        return noise(random)

    return make


def line_file(seeds: Sequence[Any]) -> Make:
    """JSON Lines: some lines sound, some not, the last one with or without an end."""
    strange = json_file(seeds)

    def make(random: Random) -> bytes:
        lines = [
            strange(random) if random.randrange(2) else dumped(random.choice(seeds))
            for _ in range(random.randrange(1, 4))
        ]
        return b"\n".join(lines) + random.choice((b"\n", b"\n", b"", b"\r\n", b"\n\n"))

    return make


def near(seeds: Sequence[bytes], *others: Make) -> Make:
    """Bytes near valid ones, whatever a format knows to get wrong, and noise."""

    def make(random: Random) -> bytes:
        if random.randrange(10) == 0:
            return noise(random)
        if others and random.randrange(2):
            return random.choice(others)(random)
        return changed_bytes(random, random.choice(seeds))

    return make


def _extreme(random: Random) -> bytes:
    """Depths and lengths at which parsers give up."""
    depth = random.choice(_DEPTHS)
    return random.choice(
        (
            b"[" * depth,
            b"[" * depth + b"]" * depth,
            b'{"a":' * depth + b"1" + b"}" * depth,
            b"9" * 5_000,
            b"-1" + b"0" * 9_000 + b".5",
            b'"' + b"a" * 70_000 + b'"',
        )
    )


def _places(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path]
    if isinstance(tree, dict):
        items: Any = tree.items()
    elif isinstance(tree, list):
        items = enumerate(tree)
    else:
        return found
    for key, item in items:
        found += _places(item, (*path, key))
    return found
