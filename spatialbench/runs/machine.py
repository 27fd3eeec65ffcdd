"""What a run's manifest says about the machine: recorded, and never part of the identity."""

from __future__ import annotations

import functools
import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from .. import __version__


class Machine(BaseModel):
    """Where and with what a run was made; no field decides what is expected."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    created: str
    """UTC, ISO 8601, to the second."""
    platform: str
    packages: dict[str, str]
    device: str | None = None
    dtype: str | None = None
    batch_size: int | None = None
    threads: int | None = None
    """Of torch, in each process; known, like what follows, from the first model that was loaded."""
    instruction_set: str | None = None
    """Of torch's own kernels on the processor: AVX512, AVX2, DEFAULT."""
    processor: str | None = None
    """What computed: the name of the accelerator, or of the processor for ``cpu``."""
    switches: dict[str, str] = {}
    """Environment variables that choose other kernels, where they are set."""
    kernels: dict[str, str] = {}
    """What was asked for to make images faster, such as ``torch.compile``; it changes rounding."""
    server: dict[str, str] = {}
    """What a server that made images told of itself, such as whether it heeds seeds."""

    def covers(self, other: Machine) -> bool:
        """Whether all that ``other`` says stands here too, its time apart."""
        said = other.model_dump(exclude={"created"}, exclude_defaults=True)
        return all(getattr(self, name) == value for name, value in said.items())


_SWITCHES = (
    "ATEN_CPU_CAPABILITY",
    "CUBLAS_WORKSPACE_CONFIG",
    "DNNL_MAX_CPU_ISA",
    "MKL_CBWR",
    "MKL_ENABLE_INSTRUCTIONS",
    "NVIDIA_TF32_OVERRIDE",
    "ONEDNN_MAX_CPU_ISA",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
)

_PACKAGES = ("spatialbench", "torch", "diffusers", "transformers", "peft", "numpy", "pillow")


def this_machine(
    device: str | None = None, dtype: str | None = None, batch_size: int | None = None
) -> Machine:
    """Describe this machine from package metadata, importing none of the packages."""
    return Machine(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        platform=f"{platform.platform()} python-{platform.python_version()}",
        packages={name: _version(name) for name in _PACKAGES},
        device=device,
        dtype=dtype,
        batch_size=batch_size,
    )


def with_kernels(machine: Machine) -> Machine:
    """Add what decides the last bits of a result, as torch tells; as it is without torch.

    Asks torch only where something else has imported it.
    """
    torch = sys.modules.get("torch")
    if torch is None:
        return machine
    return machine.model_copy(
        update={
            "threads": torch.get_num_threads(),
            "instruction_set": torch.backends.cpu.get_cpu_capability(),
            "processor": device_name(machine.device),
            "switches": {name: os.environ[name] for name in _SWITCHES if name in os.environ},
        }
    )


def software() -> str:
    """The version of spatialbench itself."""
    return __version__


def device_name(device: str | None) -> str:
    """``NVIDIA H200`` for ``cuda``, the processor's name for ``cpu``, else the device itself.

    Asks torch only where something else has imported it.
    """
    kind = (device or "unknown device").partition(":")[0]
    if kind == "cpu":
        return _processor()
    torch = sys.modules.get("torch")
    if kind == "cuda" and torch is not None and torch.cuda.is_available():
        return str(torch.cuda.get_device_name(device))
    return device or kind


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return next(iter(named), "") or platform.processor() or platform.machine() or "cpu"


@functools.cache
def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
