"""The public names of ``spatialbench`` with their arguments and members: ``surface.txt``.

``python -m tests.api.surface`` writes that file.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import spatialbench

FILE = Path(__file__).with_name("surface.txt")


def surface() -> str:
    """A line for each public function, class and public member of a class, sorted by name."""
    return "".join(f"{line}\n" for name in spatialbench.__all__ for line in _lines(name))


def _lines(name: str) -> Iterator[str]:
    found = getattr(spatialbench, name)
    if not isinstance(found, type):
        yield f"{name}{_arguments(found)}" if callable(found) else name
        return
    yield name
    ours = [kind for kind in found.__mro__ if kind.__module__.startswith("spatialbench.")]
    members = {word for kind in ours for word in (*vars(kind), *inspect.get_annotations(kind))}
    for word in sorted(member for member in members if not member.startswith(("_", "model_"))):
        member = inspect.getattr_static(found, word, None)
        if isinstance(member, classmethod | staticmethod):
            member = member.__func__
        yield f"  .{word}{_arguments(member) if inspect.isfunction(member) else ''}"


def _arguments(function: Any) -> str:
    """Names, kinds and defaults; the types are in the source."""
    parameters = inspect.signature(function).parameters.values()
    own = [p for p in parameters if p.name not in ("self", "cls")]
    bare = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in own]
    return str(inspect.Signature(bare))


if __name__ == "__main__":
    FILE.write_text(surface())
