"""The part of a run whose names a detector knows: recorded beside its boxes, and found again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from ..errors import UserError, typed
from ..files.documents import read_json
from .continuing import record
from .expected import Expected, expect
from .files import write_if_other
from .manifest import read_manifest
from .opening import Run
from .selection import Selection
from .store import RunDirectory

NAME = "known_names.json"
"""Beside a detector's records: by name, what it calls such an object."""


def record_names(directory: RunDirectory, signature: str, expected: Expected) -> None:
    """Record the names that a detector was narrowed to; nothing where it was not."""
    known = expected.selection.known_names
    if known is not None:
        path = directory.detector_file(signature).parent / NAME
        write_if_other(path, json.dumps(dict(known), indent=2).encode() + b"\n", directory.path)


def recorded_names(run: Run, signature: str) -> Mapping[str, str] | None:
    """What ``record_names`` wrote; None where the detector was not narrowed.

    Raises:
        UserError: a damaged file.
    """
    path = run.directory.detector_file(signature).parent / NAME
    if not path.exists():
        return None
    try:
        known = read_json(path, below=run.path)
        if not isinstance(known, dict) or not all(isinstance(v, str) for v in known.values()):
            raise ValueError("it is no object of texts")
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path} cannot be read ({error}): delete it and give the 'detect' command again."
        ) from error
    return known


def part_of(expected: Expected, known: Mapping[str, str]) -> Expected:
    """The images of these whose prompts have known names alone.

    Raises:
        UserError: there are none.
    """
    selection = expected.selection
    before = selection.known_names
    if before is not None:
        known = {name: other for name, other in known.items() if name in before}
    narrow = replace(selection, known_names=dict(known))
    return expect(expected.benchmark, expected.subset, narrow, expected.seeds)


def require_part(run: Run, signature: str) -> None:
    """Refuse to judge a whole run by a detector that looked at a part of it alone.

    Raises:
        UserError: it did; says what to type.
    """
    known = recorded_names(run, signature)
    if known is None or run.expected.selection.known_names is not None:
        return
    part = len(part_of(run.expected, known).prompts)
    command = typed("score", run.path, "--detector", signature, "--known-names-only")
    raise UserError(
        f"{signature} has looked at the images of {part:,} of the {len(run.expected.prompts):,} "
        "prompts alone, those whose every name it knows: add --known-names-only for a table of "
        f"them, which is marked, as in '{command}'; or give another --detector."
    )


def narrowed_run(run: Run, known: Mapping[str, str]) -> Run:
    """A run whose expected images are those with known names.

    They become the run's own selection, unless it was scored on more images; see ``continuing``.

    Raises:
        UserError: there are none.
    """
    part = part_of(run.expected, known)

    def of(selection: Selection) -> Expected:
        return expect(part.benchmark, part.subset, selection, part.seeds)

    with run.writing():
        told = run.manifest.model_copy(update={"selection": part.selection})
        record(run.path, told, of)
    return replace(run, manifest=read_manifest(run.path), expected=part)
