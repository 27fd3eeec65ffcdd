"""Starting a run, continuing it, and opening one that is already there."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..plugins import Benchmark, Json, Method
from ..prompt_transforms import given_texts
from ..prompts import prompt_set_hash
from .continuing import asks_alike, record
from .expected import Expected, expect
from .files import make_folder
from .finding import runs_root
from .identity import IDENTITY_VERSION, run_id
from .lock import RunIsHeld, writing
from .machine import Machine
from .manifest import (
    NAME,
    Manifest,
    checked_name,
    read_manifest,
    same_identity,
)
from .names import backbone_name, method_name, slug
from .seeds import SeedScheme
from .selection import Selection
from .store import RunDirectory
from .stored_texts import given_signature, read_texts, store_texts


@dataclass(frozen=True)
class RunSpec:
    """Everything that decides a run: benchmark, subset, generator with its settings, seeds.

    ``resolved`` decides nothing: see ``Manifest``.
    """

    benchmark: Benchmark
    subset: str
    generator: Method
    seeds: SeedScheme = field(default_factory=SeedScheme)
    resolved: str | None = None

    @cached_property
    def identity(self) -> Json:
        """The identity; it depends on the whole subset and not on any selection of it."""
        prompts = self.benchmark.prompts(self.subset)
        return {
            "version": IDENTITY_VERSION,
            "benchmark": self.benchmark.name,
            "benchmark_version": self.benchmark.version,
            "subset": self.subset,
            "prompt_set": prompt_set_hash(prompts),
            "seeds": str(self.seeds),
            "generator": self.generator.identity_for(prompts),
        }

    @cached_property
    def id(self) -> str:
        """12 hexadecimal digits."""
        return run_id(self.identity)

    def folder(self, root: Path | None = None) -> Path:
        """Where the run lies unless the user says otherwise: bench/method@backbone/id.

        Args:
            root: the folder of the runs; None for ``runs_root()``.
        """
        root = root or runs_root()
        generator = self.identity["generator"]
        label = f"{method_name(generator)}@{backbone_name(generator)}"
        return root / slug(self.benchmark.name) / slug(label) / self.id

    def expect(self, selection: Selection) -> Expected:
        """The images a selection expects."""
        return expect(self.benchmark, self.subset, selection, self.seeds)


@dataclass(frozen=True)
class Run:
    """A run directory and the images expected in it.

    Attributes:
        directory: where everything lies.
        manifest: as it was when the run was opened.
        expected: the images of the selection.
        machine: the one at work on it.
        alone: whether nobody else can be writing, while the run is held; None while it is not.
    """

    directory: RunDirectory
    manifest: Manifest
    expected: Expected
    machine: Machine | None = None
    alone: bool | None = None

    @contextmanager
    def writing(self, *, shared: bool = False) -> Iterator[bool]:
        """Hold the run for writing, unless whoever opened it holds it already; see ``lock``."""
        if self.alone is not None:
            yield self.alone
            return
        with writing(self.path, shared=shared) as alone:
            yield alone

    @property
    def path(self) -> Path:
        """The run directory."""
        return self.directory.path

    def with_machines(self) -> Run:
        """The same run with the machines as the work since it was opened recorded them."""
        machines = read_manifest(self.path).machines
        return replace(self, manifest=self.manifest.model_copy(update={"machines": machines}))

    @property
    def is_part(self) -> bool:
        """Whether the images expected here are only some of those of the run's own summary."""
        return self.manifest.selection != self.expected.selection

    @property
    def generator(self) -> dict[str, Any]:
        """The generator's part of the identity."""
        generator: dict[str, Any] = self.manifest.identity["generator"]
        return generator


@contextmanager
def opened_run(
    spec: RunSpec,
    selection: Selection,
    machine: Machine,
    out: Path | None = None,
    command: str | None = None,
    *,
    shared: bool = False,
    name: str | None = None,
    until: str | None = None,
    packing: bool = False,
) -> Iterator[Run]:
    """Start a run, or continue the one of the same identity, and hold it for writing.

    Nothing is written before the run is held: a command that is refused because another one works
    on the run leaves it as it is. The manifest then names this selection, unless a summary of more
    images is there: its selection stays the run's own (see ``Run.is_part``). ``machine`` is added
    to it when it differs from those already there in more than its time.

    Args:
        out: exactly where the run lies; None for ``spec.folder()``.
        command: what the user typed, for ``status`` to show when images are missing.
        shared: as one of several shards, which must ask for the same selection.
        name: what to call the run in tables; None leaves the name that it has.
        until: by which interval this selection was found; None where it was given.
        packing: whether images that are made go into packs.

    Raises:
        UserError: the directory holds a run of another identity (the differing fields are named),
            or files that are no run; another process works on it, or a shard with another
            selection; an unknown name in it; altered rewritten prompts; no permission, no space.
    """
    folder = out or spec.folder()
    expected = spec.expect(selection)
    manifest = Manifest(
        id=spec.id,
        identity=spec.identity,
        selection=selection,
        machines=[machine],
        command=command,
        resolved=spec.resolved,
        name=None if name is None else checked_name(name),
        until=until,
    )
    if (folder / NAME).exists():
        same_identity(folder, read_manifest(folder).identity, spec.identity)
    else:
        _empty(folder)
        make_folder(folder)
    with ExitStack() as stack:
        alone = _hold(stack, folder, manifest, spec, shared)
        spec.benchmark.begin_run(folder)
        if (given := given_texts(spec.generator)) is not None:
            store_texts(folder, given, expected.all_prompts)
        yield Run(RunDirectory(folder, packing), read_manifest(folder), expected, machine, alone)


def _hold(stack: ExitStack, folder: Path, manifest: Manifest, spec: RunSpec, shared: bool) -> bool:
    """Hold a run and write its manifest; returns whether nobody else can be writing."""
    if not shared:
        alone = stack.enter_context(writing(folder))
        record(folder, manifest, spec.expect)
        return alone
    for attempt in range(_ATTEMPTS):
        last = attempt == _ATTEMPTS - 1
        try:
            # A shard that brings another selection must be alone for the moment of writing it.
            if not asks_alike(folder, manifest, spec.expect):
                with writing(folder):
                    record(folder, manifest, spec.expect)
            stack.enter_context(writing(folder, shared=True))
        except RunIsHeld:
            if last and asks_alike(folder, manifest, spec.expect):
                raise
        else:
            # Shards that start together all get here; one of them makes the manifest.
            if asks_alike(folder, manifest, spec.expect):
                record(folder, manifest, spec.expect)
                if asks_alike(folder, manifest, spec.expect):
                    return False
            stack.close()
        if not last:
            time.sleep(_PAUSE_S)
    raise UserError(
        f"shards with another selection work on {folder}: give all of them the same --limit, "
        "--only and --images-per-prompt, or wait until they are done."
    )


_ATTEMPTS = 20
_PAUSE_S = 0.1
"""How often and how long a shard waits for another one that is just writing the manifest."""


def open_existing(folder: Path, benchmark: Benchmark) -> Run:
    """Open a run that is already there, with the selection of its last command.

    Args:
        benchmark: the plug-in that ``benchmark_of(folder)`` names.

    Raises:
        UserError: no run there, a damaged manifest, a benchmark whose version or prompts are not
            those the run was made with, or rewritten prompts that were altered.
    """
    manifest = read_manifest(folder)
    identity = manifest.identity
    subset = str(identity["subset"])
    now = identity | {
        "benchmark": benchmark.name,
        "benchmark_version": benchmark.version,
        "prompt_set": prompt_set_hash(benchmark.prompts(subset)),
    }
    same_identity(folder, identity, now)
    expected = expect(
        benchmark,
        subset,
        manifest.selection,
        SeedScheme.parse(str(identity["seeds"])),
    )
    if (given := given_signature(identity["generator"])) is not None:
        read_texts(folder, given, expected.all_prompts)
    return Run(RunDirectory(folder), manifest, expected)


def benchmark_of(folder: Path) -> str:
    """Name of the benchmark a run directory belongs to. Raises UserError where there is no run."""
    return str(read_manifest(folder).identity["benchmark"])


def _empty(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file: give --out a new or empty directory.")
    # A kill before the first manifest leaves a hidden scratch folder, which is no reason to stop.
    others = folder.is_dir() and any(not entry.name.startswith(".") for entry in folder.iterdir())
    # Asked last: another process may have made it, and more, in the meantime.
    if others and not (folder / NAME).exists():
        raise UserError(
            f"{folder} holds files but no run (no {NAME}): give --out a new or empty directory."
        )
