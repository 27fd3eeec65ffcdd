"""A reader of files that others wrote, with what it takes to try it."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from spatialbench import plugins
from spatialbench.errors import UserError

from .inputs import Make, json_file, line_file

Read = Callable[[Path], object]


@dataclass(frozen=True)
class Reader:
    """A reader of the program.

    Attributes:
        file: path of the input, relative to the folder the reader works in.
        make: draws an input.
        read: reads it; given the folder.
        seeds: valid inputs, which the reader must take.
        prepare: makes what else must be there; given the folder, once.
    """

    file: str
    make: Make
    read: Read
    seeds: tuple[bytes, ...]
    prepare: Callable[[Path], object] = lambda folder: None


def json_reader(seeds: list[Any], **how: Any) -> Reader:
    """A reader of one JSON document."""
    found = tuple(json.dumps(seed).encode() for seed in seeds)
    return Reader(make=json_file(seeds), seeds=found, **how)


def line_reader(seeds: list[Any], **how: Any) -> Reader:
    """A reader of JSON Lines."""
    found = tuple(json.dumps(seed).encode() + b"\n" for seed in seeds)
    return Reader(make=line_file(seeds), seeds=found, **how)


def either(call: Callable[[], object]) -> None:
    """Go on after a refusal: what follows reads the same file."""
    with suppress(UserError):
        call()


@cache
def benchmark_named(name: str) -> plugins.Benchmark:
    """Looked up among the installed packages once."""
    return plugins.load("benchmark", name)
