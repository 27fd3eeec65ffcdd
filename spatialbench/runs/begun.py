"""The run that a command began when its backbone's repository had another newest commit.

A command that names a repository without a commit means the newest; given again, it continues the
run that it began.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import UserError
from .manifest import NAME, Manifest, read_manifest
from .opening import RunSpec


def begun_commit(spec: RunSpec, out: Path | None) -> str | None:
    """The commit of the last such run; None where there is none, or one of this very commit.

    Args:
        spec: with the newest commit.
        out: exactly where the run lies; None to look beside ``spec.folder()``.
    """
    own = _without_commit(spec.identity)
    if spec.resolved is None or own is None:
        return None
    folders = [out] if out else [path.parent for path in spec.folder().parent.glob(f"*/{NAME}")]
    if spec.folder() in folders:
        return None
    found = [
        (path, manifest)
        for path, manifest in _readable(folders)
        if manifest.resolved == spec.resolved and _without_commit(manifest.identity) == own
    ]
    if not found:
        return None
    _, last = max(found, key=lambda pair: (pair[0] / NAME).stat().st_mtime_ns)
    commit = str(last.identity["generator"]["backbone"]["revision"])
    return None if last.id == spec.id else commit


def _readable(folders: list[Path]) -> Iterator[tuple[Path, Manifest]]:
    for folder in folders:
        try:
            yield folder, read_manifest(folder)
        except UserError:
            continue


def _without_commit(identity: dict[str, Any]) -> dict[str, Any] | None:
    """An identity but for its backbone's commit; None where that has none."""
    generator = identity["generator"]
    backbone = generator.get("backbone")
    if not isinstance(backbone, dict) or "revision" not in backbone:
        return None
    kept = {key: value for key, value in backbone.items() if key != "revision"}
    return identity | {"generator": generator | {"backbone": kept}}
