"""What the manifest of a run says when a command begins or continues it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..files.documents import read_json
from .expected import Expected
from .manifest import (
    NAME,
    Manifest,
    create_manifest,
    read_manifest,
    same_identity,
    write_manifest,
)
from .selection import Selection

Expect = Callable[[Selection], Expected]
"""The images that a selection of the run expects."""


def asks_alike(folder: Path, manifest: Manifest, expect: Expect) -> bool:
    """Whether recording this command leaves the selection that is recorded, if any, as it is."""
    if not (folder / NAME).exists():
        return True
    before = read_manifest(folder)
    return before.selection == _continued(folder, before, manifest, expect).selection


def record(folder: Path, manifest: Manifest, expect: Expect) -> None:
    """Write the manifest of a new run, or that of one that goes on."""
    if (folder / NAME).exists() or not create_manifest(folder, manifest):
        write_manifest(folder, _continued(folder, read_manifest(folder), manifest, expect))


def _continued(folder: Path, before: Manifest, manifest: Manifest, expect: Expect) -> Manifest:
    """The manifest with the machines of the one before, and its selection where that stays.

    Raises:
        UserError: a run of another identity.
    """
    same_identity(folder, before.identity, manifest.identity)
    machines = before.machines
    for machine in manifest.machines:
        if not any(known.covers(machine) for known in machines):
            machines = [*machines, machine]
    told = {"resolved": manifest.resolved or before.resolved, "name": manifest.name or before.name}
    manifest = manifest.model_copy(update={"machines": machines, **told})
    asked = expect(manifest.selection)
    if manifest.selection != before.selection and _scored(folder) > asked.images:
        kept = {"selection": before.selection, "command": before.command, "until": before.until}
        manifest = manifest.model_copy(update=kept)
    return manifest


def _scored(folder: Path) -> int:
    """Images of the summary that is there; 0 where there is none."""
    try:
        scored = read_json(folder / "summary.json", below=folder)["images"]
    except (OSError, ValueError, KeyError, TypeError):
        return 0
    return scored if isinstance(scored, int) else 0
