"""What the rows of a recipe would take, and the commands that make them one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import UserError, typed
from .evaluation import Evaluation
from .reproducing import AskedRow, Reproduction, set_text

if TYPE_CHECKING:
    from .planning import Plan


def plans(
    asked: Reproduction, workers: int = 1, price_per_hour: float | None = None
) -> list[tuple[AskedRow, Sequence[Plan], str | None]]:
    """The plan of every row, or why there is none."""
    from .planning import plan

    found: list[tuple[AskedRow, Sequence[Plan], str | None]] = []
    for row in asked.rows:
        try:
            made = [plan(part, workers, price_per_hour) for part in row.parts]
        except UserError as error:
            found.append((row, (), str(error)))
        else:
            found.append((row, made, row.cannot))
    return found


def command_of(row: AskedRow, part: Evaluation, benchmark: str) -> str:
    """The ``run`` command that makes one run of a row."""
    words: list[object] = ["run", "--method", row.point.method or "", "--bench", benchmark]
    words += ["--backbone", part.backbone] if part.backbone else []
    for key, value in row.point.settings.items():
        words += ["--set", f"{key}={set_text(value)}"]
    for key in _OPTIONS:
        value = getattr(part, key)
        if value not in (None, (), False):
            words.append(f"--{key.replace('_', '-')}")
            words += [] if value is True else [value]
    for judge in row.point.options.get("judge") or ():
        words += ["--judge", judge]
    words += ["--only", ",".join(part.only)] if part.only else []
    words += ["--seed-scheme", part.seeds] if part.seeds != "protocol" else []
    return typed(*words)


_OPTIONS = (
    *("steps", "guidance_scale", "scheduler", "width", "height", "dtype", "prompt_transform"),
    *("limit", "images_per_prompt", "detector", "depth", "rule", "threshold"),
    *("known_names_only", "synonyms", "name"),
)
