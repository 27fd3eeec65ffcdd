"""The gate file: which numbers a run must show, measured how."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from ...errors import UserError
from ...files.documents import first_error, read_json
from ...runs.signature import Signature
from ...scoring.summary import Group
from ..scored import ScoredRun

GATE_VERSION: Final = 2
"""Version 1 had no ``edges``: its windows have both."""
_READ = (1, GATE_VERSION)

Edges = Literal["both", "lower"]


class Window(BaseModel):
    """A metric must lie within ``value - tolerance`` and ``value + tolerance``, in percent.

    With both edges a sudden gain is asked about as a loss is; with the lower one alone any gain
    passes.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    value: FiniteFloat
    tolerance: Annotated[FiniteFloat, Field(ge=0)]
    edges: Edges = "both"

    @property
    def low(self) -> float:
        """The lower edge."""
        return self.value - self.tolerance

    @property
    def high(self) -> float:
        """The upper edge; infinite where there is none."""
        return self.value + self.tolerance if self.edges == "both" else inf

    def __str__(self) -> str:
        """``47.50 to 52.50``, or ``at least 47.50``."""
        if self.edges == "lower":
            return f"at least {self.low:.2f}"
        return f"{self.low:.2f} to {self.high:.2f}"

    def is_narrower(self, value: float, low: float, high: float) -> bool:
        """Whether a run with this interval would often leave a window that it was written for.

        NaN, where there is no interval, is never wider than a window.
        """
        if self.edges == "lower":
            return value - low > self.tolerance
        return high - low > 2 * self.tolerance


class GateFile(BaseModel):
    """What a gate compares a run with.

    Attributes:
        gate_version: of this format.
        signature: of the run the windows were taken from.
        also: further fields of the signature that must agree, such as ``method`` or ``base``.
        confidence: of the intervals that decide.
        min_images: fewer judged images than this decide nothing.
        metrics: windows by metric key, over all prompts.
        groups: the same by task.
        command: how the run was made, for whoever reads the file.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    gate_version: Literal[1, 2]
    signature: str
    also: tuple[Literal["method", "parameters", "base"], ...] = ()
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    min_images: Annotated[int, Field(ge=1)] = 1
    metrics: dict[str, Window] = Field(min_length=1)
    groups: dict[str, dict[str, Window]] = Field(default_factory=dict)
    command: str | None = None

    @property
    def measured(self) -> Signature:
        """The signature, parsed."""
        return Signature.parse(self.signature)

    @property
    def windows(self) -> int:
        """How many windows there are, over all prompts and by task."""
        return len(self.metrics) + sum(map(len, self.groups.values()))

    def text(self) -> str:
        """The file's content."""
        return self.model_dump_json(indent=2) + "\n"


def read_gate(path: Path) -> GateFile:
    """Read a gate file.

    Raises:
        UserError: no such file, an unknown version, or a malformed file.
    """
    try:
        content = read_json(path)
    except OSError as error:
        raise UserError(
            f"{path} cannot be read ({error.strerror}): give a gate file, or write one with "
            f"'spatialbench gate RUN --write {path}'."
        ) from error
    except ValueError as error:
        raise UserError(f"{path} is not a gate file: it is not JSON ({error}).") from error
    version = content.get("gate_version") if isinstance(content, dict) else None
    again = f"write it again with 'spatialbench gate RUN --write {path} --force'"
    if type(version) is not int or version not in _READ:
        newer = type(version) is int and version > GATE_VERSION
        way = f"install the newer spatialbench that wrote it, or {again}" if newer else again
        raise UserError(
            f"{path} is a gate file of version {version!r}, and this spatialbench reads versions "
            f"{' and '.join(map(str, _READ))}: {way}."
        )
    try:
        gate = GateFile.model_validate(content)
        gate.measured  # noqa: B018
    except ValidationError as error:
        raise UserError(
            f"{path} is not a valid gate file ({first_error(error)}): correct it, or {again}."
        ) from error
    except UserError as error:
        raise UserError(f"{path}, signature: {error}") from error
    if version == 1 and any(window.edges != "both" for window in _windows_of(gate)):
        raise UserError(
            f'{path} is a gate file of version 1, which has no edges: write "gate_version": '
            f"{GATE_VERSION} there."
        )
    return gate


def gate_from(
    scored: ScoredRun,
    tolerance: float,
    group_tolerance: float | None,
    confidence: float,
    edges: Edges = "both",
) -> GateFile:
    """A gate file that holds a complete run to its headline metrics as they are now.

    Args:
        tolerance: half the width of each window, in percentage points.
        group_tolerance: the same for the windows by task; None leaves them out.
        edges: of each window.

    Raises:
        UserError: a partial run, or a run without any defined headline metric.
    """
    if scored.result.partial:
        raise UserError(
            f"{scored.run.path} is partial ({scored.result.images:,} of "
            f"{scored.result.images_expected:,} images): complete it before it becomes a baseline."
        )
    keys = scored.headline
    metrics = _windows(scored.result, keys, tolerance, edges)
    if not metrics:
        raise UserError(f"{scored.run.path} has no defined headline metric to check a run against.")
    groups = {}
    if group_tolerance is not None:
        for name, group in scored.result.groups.items():
            windows = _windows(group, keys, group_tolerance, edges)
            if windows:
                groups[name] = windows
    return GateFile(
        gate_version=GATE_VERSION,
        signature=scored.result.signature,
        confidence=confidence,
        min_images=scored.result.images,
        metrics=metrics,
        groups=groups,
        command=scored.run.manifest.command,
    )


def _windows(group: Group, keys: list[str], tolerance: float, edges: Edges) -> dict[str, Window]:
    return {
        key: Window(value=round(value, 4), tolerance=tolerance, edges=edges)
        for key in keys
        if (value := group.metrics.get(key)) is not None
    }


def _windows_of(gate: GateFile) -> Iterator[Window]:
    yield from gate.metrics.values()
    for group in gate.groups.values():
        yield from group.values()
