"""The runs that there are: what each is, how far it is, and what it takes on disk."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..files.documents import read_json
from ..runs.lock import is_held
from ..runs.manifest import NAME, Manifest, read_manifest
from ..runs.names import backbone_name, imported_kind, method_name
from ..runs.signature import Signature
from ..runs.store import RunDirectory
from ..scoring.summary import Summary
from . import choosing

STATES = {
    "running": "a process writes it at this moment",
    "done": "every image that was asked for is scored",
    "partial": "it is scored, and some images that were asked for are missing",
    "not scored": "every image is there",
    "unfinished": "images that were asked for are still to be made",
    "unreadable": "its manifest is damaged, of a newer version, or of an unknown benchmark",
}
"""How far a run can be, and what that means."""


@dataclass(frozen=True)
class Listed:
    """A run of a list; None for what nobody knows.

    Attributes:
        path: its folder.
        id: see ``runs.identity``.
        name: what its user calls it.
        benchmark: with its prompt subset where that is not the default, as it is typed.
        method: with the prompt transform, as ``sd+tore``.
        backbone: short name of the model that made the images.
        images: how many of those asked for are there, or scored where it is scored.
        expected: how many were asked for.
        state: one of ``STATES``.
        changed: when the run was last worked on, in seconds since the epoch.
        why: what is wrong with one that is unreadable.
    """

    path: Path
    id: str | None
    name: str | None
    benchmark: str | None
    method: str | None
    backbone: str | None
    images: int | None
    expected: int | None
    state: str
    changed: float
    why: str | None = None

    @cached_property
    def bytes(self) -> int | None:
        """Of all its files together, measured when first asked for; None where one is hidden."""
        try:
            return sum(_sizes(self.path))
        except PermissionError:
            return None

    @property
    def changed_at(self) -> str:
        """``changed`` in UTC, as ISO 8601 to the second."""
        return datetime.fromtimestamp(self.changed, UTC).isoformat(timespec="seconds")

    def document(self, sized: bool) -> dict[str, Any]:
        """The same as plain JSON."""
        size = self.bytes if sized else None
        told = (str(self.path), self.id, self.name, self.benchmark, self.method, self.backbone)
        how = (self.images, self.expected, self.state, size, self.changed_at, self.why)
        return dict(zip(FIELDS, told + how, strict=True))


FIELDS = (
    *("run", "id", "name", "benchmark", "method", "backbone"),
    *("images", "images_expected", "state", "bytes", "changed", "error"),
)
"""Keys of ``Listed.document``."""


def listed(runs: Sequence[Path]) -> list[Listed]:
    """What there is to say of some run directories; changes nothing.

    A run that was removed meanwhile is left out. Nothing of the images is read: ``status`` says
    whether they are still what was recorded.
    """
    found, named = [], cache(_benchmark)
    for path in dict.fromkeys(runs):
        # What is removed in this moment can go at any place in between.
        with suppress(FileNotFoundError):
            one = _listed(path, named)
            if (path / NAME).is_file():
                found.append(one)
    return found


def _listed(path: Path, named: Callable[[str, str], str]) -> Listed:
    changed = _changed(path)
    try:
        manifest = read_manifest(path)
    except UserError as error:
        nothing = (None,) * 7
        return Listed(path, *nothing, "unreadable", changed, str(error))
    identity, why = manifest.identity, None
    try:
        images, expected, state = _progress(path, manifest)
    except UserError as error:
        images, expected, state, why = None, None, "unreadable", str(error)
    if is_held(path):
        state = "running"
    return Listed(
        path,
        manifest.id,
        manifest.name,
        named(str(identity["benchmark"]), str(identity["subset"])),
        method_name(identity["generator"]),
        backbone_name(identity["generator"]),
        images,
        expected,
        state,
        changed,
        why,
    )


def _progress(path: Path, manifest: Manifest) -> tuple[int, int, str]:
    """Images there, images asked for, and the state. Raises UserError for a run nobody can open."""
    summary = _summary(path)
    if summary is not None and _covers(path, manifest, summary):
        state = "partial" if summary.partial else "done"
        return summary.images, summary.images_expected, state
    run = choosing.existing_run(path)
    expected = run.expected.images
    if imported_kind(manifest.identity["generator"]) is not None:
        return 0, expected, "not scored"
    there, keys = RunDirectory(path).recorded(_silent), run.expected.keys()
    images = sum(key in there for key in keys)
    return images, expected, "not scored" if images == expected else "unfinished"


def _covers(path: Path, manifest: Manifest, summary: Summary) -> bool:
    """Whether a summary is of the images that were last asked for."""
    asked, signature = manifest.selection, _signature(summary)
    if signature is None:
        return False
    alike = (
        summary.run in (manifest.id, None)
        and signature.only == asked.signed_only
        and signature.names == asked.signed_names
        and asked.images_per_prompt in (signature.images_per_prompt, None)
    )
    if not alike or asked.limit == signature.prompts:
        return alike
    if asked.only or asked.known_names is not None:
        return bool(choosing.existing_run(path).expected.images == summary.images_expected)
    # The prompts of a benchmark are read once for all of its runs.
    benchmark, _ = choosing.benchmark_and_subset(str(manifest.identity["benchmark"]))
    prompts = len(benchmark.of_run(path).prompts(str(manifest.identity["subset"])))
    return signature.prompts == (prompts if asked.limit is None else min(asked.limit, prompts))


def _signature(summary: Summary) -> Signature | None:
    try:
        return Signature.parse(summary.signature)
    except UserError:
        return None


def _summary(path: Path) -> Summary | None:
    try:
        return Summary.of(read_json(path / "summary.json", below=path))
    except (OSError, ValueError):
        return None


def _benchmark(name: str, subset: str) -> str:
    """As it is typed; finding a plug-in takes longer than all else of a run in a list."""
    with suppress(UserError):
        benchmark, default = choosing.benchmark_and_subset(name)
        return name if subset == default else f"{name}:{benchmark.typed(subset)}"
    return f"{name}:{subset}"


def _changed(path: Path) -> float:
    """When a record of the run, its summary or its manifest was last written."""
    with os.scandir(path) as entries:
        times = [
            entry.stat(follow_symlinks=False).st_mtime
            for entry in entries
            if entry.name in _WRITTEN or entry.name.startswith("images.")
        ]
    return max(times, default=0.0)


_WRITTEN = {NAME, "summary.json", "scores.parquet", "timing.jsonl"}


def _sizes(folder: Path) -> Iterator[int]:
    """Bytes of every file below a folder; links are not followed."""
    try:
        with os.scandir(folder) as entries:
            inner = list(entries)
    except FileNotFoundError:
        return
    for entry in inner:
        if entry.is_dir(follow_symlinks=False):
            yield from _sizes(Path(entry.path))
        else:
            with suppress(FileNotFoundError):
                yield entry.stat(follow_symlinks=False).st_size


def _silent(text: str) -> None:
    """Torn lines are what ``status`` tells."""
