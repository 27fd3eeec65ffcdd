"""The gate file: which numbers a run must show, measured how."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import inf
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from ...errors import UserError, typed
from ...files.documents import first_error, read_json
from ...plugins import Metric
from ...runs.signature import Signature
from ...scoring.summary import Group
from ..scored import ScoredRun
from .verdicts import Verdicts

GATE_VERSION: Final = 4
"""Version 1 had no ``edges``: its windows have both. Version 2 had no ``upper`` one alone, and 3 no
``verdicts``. What is written is the lowest that a file fits."""

Edges = Literal["both", "lower", "upper"]
_SINCE: Final[Mapping[Edges, Literal[1, 2, 3]]] = {"both": 1, "lower": 2, "upper": 3}


class Window(BaseModel):
    """A metric must lie within ``value - tolerance`` and ``value + tolerance``, in percent.

    With both edges a sudden gain is asked about as a loss is; with the lower one alone, or of a
    metric of which smaller is better the upper one, any gain passes.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    value: FiniteFloat
    tolerance: Annotated[FiniteFloat, Field(ge=0)]
    edges: Edges = "both"

    @property
    def low(self) -> float:
        """The lower edge; infinite where there is none."""
        return self.value - self.tolerance if self.edges != "upper" else -inf

    @property
    def high(self) -> float:
        """The upper edge; infinite where there is none."""
        return self.value + self.tolerance if self.edges != "lower" else inf

    def __str__(self) -> str:
        """``47.50 to 52.50``, ``at least 47.50``, or ``at most 52.50``."""
        if self.edges == "lower":
            return f"at least {self.low:.2f}"
        if self.edges == "upper":
            return f"at most {self.high:.2f}"
        return f"{self.low:.2f} to {self.high:.2f}"

    def is_narrower(self, value: float, low: float, high: float) -> bool:
        """Whether a run with this interval would often leave a window that it was written for.

        NaN, where there is no interval, is never wider than a window.
        """
        if self.edges != "both":
            reach = value - low if self.edges == "lower" else high - value
            return reach > self.tolerance
        return high - low > 2 * self.tolerance


Windows = Mapping[str, Window]


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
        verdicts: of that run, for a test of a run on the same images.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    gate_version: Literal[1, 2, 3, 4]
    signature: str
    also: tuple[Literal["method", "parameters", "base"], ...] = ()
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    min_images: Annotated[int, Field(ge=1)] = 1
    metrics: dict[str, Window] = Field(min_length=1)
    groups: dict[str, dict[str, Window]] = Field(default_factory=dict)
    command: str | None = None
    verdicts: Verdicts | None = None

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
        left_out = {"verdicts"} if self.verdicts is None else None
        return self.model_dump_json(indent=2, exclude=left_out) + "\n"


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
    if type(version) is not int or not 1 <= version <= GATE_VERSION:
        newer = type(version) is int and version > GATE_VERSION
        way = f"install the newer spatialbench that wrote it, or {again}" if newer else again
        raise UserError(
            f"{path} is a gate file of version {version!r}, and this spatialbench reads versions "
            f"1 to {GATE_VERSION}: {way}."
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
    least = _least(gate.metrics, gate.groups, gate.verdicts)
    if version < least:
        lacks = "no edges" if version == 1 else "no upper edge alone"
        lacks = "no verdicts" if least == GATE_VERSION else lacks
        raise UserError(
            f'{path} is a gate file of version {version}, which has {lacks}: write "gate_version": '
            f"{least} there."
        )
    return gate


def gate_from(
    scored: ScoredRun,
    tolerance: float,
    group_tolerance: float | None,
    confidence: float,
    one_sided: bool = False,
) -> GateFile:
    """A gate file that holds a complete run to its headline metrics as they are now.

    Args:
        tolerance: half the width of each window, in percentage points.
        group_tolerance: the same for the windows by task; None leaves them out.
        one_sided: leave out the edge that a gain would cross.

    Raises:
        UserError: a partial run, or a run without any defined headline metric.
    """
    if scored.result.partial:
        raise UserError(
            f"{scored.run.path} is partial ({scored.result.images:,} of "
            f"{scored.result.images_expected:,} images): complete it before it becomes a baseline."
        )
    columns = [metric for metric in scored.metrics if metric.headline]
    metrics = _windows(scored.result, columns, tolerance, one_sided)
    if not metrics:
        raise UserError(
            f"{scored.run.path} has no headline metric that is defined, which a gate needs: judge "
            f"it by another rule, with '{typed('score', scored.run.path, '--rule', 'NAME')}'."
        )
    groups = {}
    if group_tolerance is not None:
        for name, group in scored.result.groups.items():
            windows = _windows(group, columns, group_tolerance, one_sided)
            if windows:
                groups[name] = windows
    keys = list(dict.fromkeys([*metrics, *(key for of in groups.values() for key in of)]))
    verdicts = Verdicts.of(scored, keys)
    return GateFile(
        gate_version=_least(metrics, groups, verdicts, 2),
        signature=scored.result.signature,
        confidence=confidence,
        min_images=scored.result.images,
        metrics=metrics,
        groups=groups,
        command=scored.run.manifest.command,
        verdicts=verdicts,
    )


def _windows(
    group: Group, columns: Sequence[Metric], tolerance: float, one_sided: bool
) -> dict[str, Window]:
    found = {}
    for metric in columns:
        value = group.metrics.get(metric.key)
        if value is not None:
            worse: Edges = "lower" if metric.larger_is_better else "upper"
            edges = worse if one_sided else "both"
            found[metric.key] = Window(value=round(value, 4), tolerance=tolerance, edges=edges)
    return found


def _least(
    metrics: Windows, groups: Mapping[str, Windows], verdicts: Verdicts | None, least: int = 1
) -> Literal[1, 2, 3, 4]:
    """The lowest version that has all of this."""
    if verdicts is not None:
        return GATE_VERSION
    found = max(least, *(_SINCE[window.edges] for window in _windows_of(metrics, groups)))
    return 1 if found == 1 else 2 if found == 2 else 3


def _windows_of(metrics: Windows, groups: Mapping[str, Windows]) -> Iterator[Window]:
    yield from metrics.values()
    for group in groups.values():
        yield from group.values()
