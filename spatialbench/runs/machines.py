"""The machines of a run: who began it, and what another one may change in the last bits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .machine import Machine
from .manifest import read_manifest, write_manifest

_ATTEMPTS = 5


def record_machine(folder: Path, machine: Machine) -> None:
    """Name a machine with its kernels in the manifest; an entry that lacked them gets them.

    For whoever holds the run's lock, or works for its holder. Several workers may do this at the
    same time: each looks again whether its entry is still there.

    Raises:
        UserError: a manifest that cannot be read or written.
    """
    for _ in range(_ATTEMPTS):
        manifest = read_manifest(folder)
        if any(known.covers(machine) for known in manifest.machines):
            return
        bare = [number for number, known in enumerate(manifest.machines) if _lacks(known, machine)]
        machines = list(manifest.machines)
        if bare:
            created = machines[bare[0]].created
            machines[bare[0]] = machine.model_copy(update={"created": created})
        else:
            machines.append(machine)
        write_manifest(folder, manifest.model_copy(update={"machines": machines}))


def began(folder: Path, device: str | None = None) -> Machine | None:
    """The first machine whose kernels are recorded, of one kind of device where one is given."""
    known = (m for m in read_manifest(folder).machines if m.threads is not None)
    return next((m for m in known if device is None or kind(m.device) == kind(device)), None)


def kind(device: str | None) -> str:
    """``cuda`` of ``cuda:1``."""
    return (device or "").partition(":")[0]


@dataclass(frozen=True, slots=True)
class Changes:
    """What differs between the machine that began a run and the one that goes on, in words.

    Attributes:
        kernels: what can change the rounding of sums.
        packages: versions of libraries, which can change more than that.
    """

    kernels: tuple[str, ...]
    packages: tuple[str, ...]


def changes(began: Machine, here: Machine) -> Changes:
    """``threads 2 -> 1``, ``instruction set AVX512 -> AVX2``, ``torch 2.6.0 -> 2.7.0``."""
    on_processor = kind(began.device) == kind(here.device) == "cpu"
    pairs = {
        "device": (kind(began.device), kind(here.device)),
        "processor": (began.processor, here.processor),
        "batch size": (began.batch_size, here.batch_size),
    }
    if on_processor:
        pairs["threads"] = (str(began.threads), str(here.threads))
        pairs["instruction set"] = (began.instruction_set, here.instruction_set)
    for name in sorted(began.kernels.keys() | here.kernels.keys()):
        pairs[name] = (began.kernels.get(name, "off"), here.kernels.get(name, "off"))
    for name in sorted(began.switches.keys() | here.switches.keys()):
        pairs[name] = (began.switches.get(name, "unset"), here.switches.get(name, "unset"))
    packages = {
        name: (version, here.packages.get(name, version))
        for name, version in began.packages.items()
        if name != "spatialbench"
    }
    return Changes(_told(pairs), _told(packages))


def _told(pairs: Mapping[str, tuple[object, object]]) -> tuple[str, ...]:
    return tuple(f"{name} {old} -> {new}" for name, (old, new) in pairs.items() if old != new)


def _lacks(known: Machine, machine: Machine) -> bool:
    """Whether ``known`` is the same set-up, from before any model was loaded on it."""
    return known.threads is None and machine.covers(known)
