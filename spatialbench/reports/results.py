"""Finding runs below folders, and reading what their summaries say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import ValidationError

from ..errors import UserError, typed
from ..files.documents import first_error
from ..runs.finding import folders_below, runs_below
from ..runs.manifest import NAME as MANIFEST
from ..scoring.other_rules import run_of, summaries_of_other_rules
from ..scoring.summary import Summary


def read_summary(run: Path) -> Summary:
    """The summary of a run directory.

    Raises:
        UserError: no summary yet, or one that is not what ``score`` writes.
    """
    path = run / "summary.json"
    try:
        return Summary.read(path, run_of(run))
    except FileNotFoundError:
        raise UserError(
            f"{run} is not scored yet (it has no summary.json); "
            f"'{typed('status', run)}' says what to type next."
        ) from None
    except (ValueError, OSError) as error:
        again = f"type '{typed('score', run)}' to write it again"
        if run_of(run) != run:
            again = f"delete it, or score {run_of(run)} with that --rule again"
        raise UserError(
            f"{path} is not a summary this version reads ({_first_line(error)}); {again}."
        ) from error


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
    for found in folders_below(folder, (MANIFEST, "summary.json"), links=True):
        if (found / "summary.json").exists():
            yield found
            yield from summaries_of_other_rules(found)


def _first_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return first_error(error)
    return str(error).splitlines()[0]
