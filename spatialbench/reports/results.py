"""A run's summary.json, checked where it enters the program."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..errors import UserError, typed
from ..files.documents import first_error, read_json
from ..lab import LAB_BACKBONES
from ..runs.status import runs_below
from ..scoring.other_rules import run_of, summaries_of_other_rules
from ..scoring.summary import is_changed

Interval = tuple[float | None, float | None]

_COUNTS = ("images", "images_expected", "prompts", "prompts_expected")


class Group(BaseModel):
    """The metrics of one task of a benchmark, such as the prompts with ``left``."""

    model_config = ConfigDict(extra="allow", frozen=True)

    images: int
    intervals: dict[str, Interval] = Field(default_factory=dict)
    reasons: dict[str, str] = Field(default_factory=dict)
    """Why a metric is undefined or has no interval; summaries of old do not say."""

    def metric(self, key: str) -> float:
        """A metric in percent; NaN where it is undefined or not given."""
        return _number((self.model_extra or {}).get(key))


class Result(Group):
    """One scored run: what it is, its metrics in percent, intervals, counts and signature.

    Metrics are the keys beside the named ones, as the benchmark defines them.
    """

    benchmark: str
    method: str
    backbone: str
    rule: str
    detector: str
    threshold: float
    signature: str
    images_expected: int
    prompts: int
    prompts_expected: int
    partial: bool
    one_colour: int = 0
    groups: dict[str, Group] = Field(default_factory=dict)

    @property
    def is_lab(self) -> bool:
        """Whether the embedded lab drew or judged the images."""
        return self.backbone.split("@")[0] in LAB_BACKBONES or self.detector.startswith("lab-")


def read_result(run: Path) -> Result:
    """The summary of a run directory.

    Raises:
        UserError: no summary yet, or one that is not what ``score`` writes.
    """
    path = run / "summary.json"
    try:
        document = read_json(path, below=run_of(run))
        result = Result.model_validate(document)
        if is_changed(document):
            raise ValueError("it was changed after it was written")
        return result
    except FileNotFoundError:
        raise UserError(
            f"{run} is not scored yet (it has no summary.json); "
            f"'{typed('status', run)}' says what to type next."
        ) from None
    except (ValidationError, ValueError, OSError) as error:
        again = f"type '{typed('score', run)}' to write it again"
        if run_of(run) != run:
            again = f"delete it, or score {run_of(run)} with that --rule again"
        raise UserError(
            f"{path} is not a summary this version reads ({_first_line(error)}); {again}."
        ) from error


def parse_result(document: Mapping[str, Any]) -> Result:
    """A summary already in memory, as the score stage returns it."""
    return Result.model_validate(document)


def same_content(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two summaries are of one run, whose id is in the signature, and say the same."""
    return dict(one) == dict(other)


def find_unscored(folders: Sequence[Path]) -> list[Path]:
    """Runs at or below each folder that have no summary yet, in path order, each once."""
    found = [path for folder in folders if folder.is_dir() for path in runs_below(folder)]
    return [path for path in dict.fromkeys(found) if not (path / "summary.json").exists()]


def find_runs(folders: Sequence[Path]) -> list[Path]:
    """Scored run directories at or below each folder, in path order, each once.

    After a run come the folders of its summaries by other rules; see ``scoring.other_rules``.

    Raises:
        UserError: a folder that does not exist, or that holds no scored run.
    """
    found: dict[Path, None] = {}
    for folder in folders:
        if not folder.is_dir():
            raise UserError(f"there is no run directory {folder}; expected a folder 'run' wrote.")
        runs = list(_runs_below(folder))
        if not runs:
            what_next = "expected a folder that 'spatialbench run' wrote, or one above it."
            if runs_below(folder):
                what_next = f"'{typed('status', folder)}' says what to type next."
            raise UserError(f"{folder} holds no scored run (no summary.json); {what_next}")
        found.update(dict.fromkeys(runs))
    return list(found)


def _runs_below(folder: Path) -> Iterator[Path]:
    if (folder / "manifest.json").exists() or (folder / "summary.json").exists():
        if (folder / "summary.json").exists():
            yield folder
            yield from summaries_of_other_rules(folder)
        return
    for child in sorted(path for path in folder.iterdir() if path.is_dir()):
        yield from _runs_below(child)


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def _first_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return first_error(error)
    return str(error).splitlines()[0]
