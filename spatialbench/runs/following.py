"""What to type when a run is scored: its pages, another run beside it, and the table of both."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from ..errors import UserError, typed
from ..prompt_transforms import IDENTITY_KEY
from .finding import Known, found_run, known_runs, runs_root
from .manifest import NAME
from .names import imported_kind
from .opening import Run

_SUMMARY = "summary.json"
_FITS = 80 - len("next: ")
"""Characters of a command that a terminal of 80 columns has on one line."""
_ALIKE = ("benchmark", "benchmark_version", "subset", "prompt_set", "seeds")


def after_scoring(run: Run) -> list[str]:
    """Commands for a scored run, each as it may be typed."""
    if not (run.path / _SUMMARY).is_file():
        return [_typed("status", run.path)]
    other = beside(run)
    found = []
    if imported_kind(run.generator) is None:
        found.append(_typed("gallery", run.path, "--open"))
    if other is None:
        return [*found, _typed("leaderboard", run.path)]
    return [*found, _typed("compare", other, run.path), _typed("leaderboard", other, run.path)]


def after_table(bench: str, runs: Sequence[Run]) -> list[str]:
    """Commands for the runs of one row of a table of several prompt sets."""
    paths = [run.path for run in runs]
    return [
        _typed("gallery", paths[0], "--open"),
        _typed("leaderboard", "--bench", bench, *paths),
    ]


def after_comparing(runs: Sequence[Path]) -> list[str]:
    """Commands for runs that were compared with the first."""
    first, second = runs[:2]
    shown = all((run / "images.jsonl").exists() for run in (first, second))
    pages = [_typed("gallery", first, second, "--open")] if shown else []
    return [*pages, _typed("leaderboard", *runs)]


def after_ranking(runs: Sequence[Path]) -> list[str]:
    """Commands for runs, or folders above some, that stand in one table."""
    own = [run for run in runs if (run / NAME).is_file()]
    if len(own) > 1:
        return [_typed("compare", *own)]
    return [typed("runs", *runs)] if runs else []


def beside(run: Run) -> Path | None:
    """The last other scored run of the same prompts that lies near; None where there is none.

    Near is in the folder of its benchmark, where runs lie by themselves, or beside it.
    """
    place = run.path.absolute()
    own = place.name == run.manifest.id and "@" in place.parent.name
    above = run.path.parent.parent if own else run.path.parent
    there = [
        one.path
        for one in known_runs(above)
        if one.manifest.id != run.manifest.id
        and (one.path / _SUMMARY).is_file()
        and all(one.manifest.identity.get(k) == run.manifest.identity.get(k) for k in _ALIKE)
        and one.manifest.identity["generator"].get(IDENTITY_KEY) == run.generator.get(IDENTITY_KEY)
    ]
    return max(there, key=lambda path: (path / NAME).stat().st_mtime_ns, default=None)


def _typed(*words: str | Path) -> str:
    """A command; one too long for a line calls its runs by their ids, where those are enough."""
    command = typed(*words)
    if len(command) <= _FITS:
        return command
    there: list[Known] = []
    with suppress(UserError, OSError):
        there = known_runs(runs_root())
    return typed(*(_shortest(word, there) if isinstance(word, Path) else word for word in words))


def _shortest(run: Path, there: Sequence[Known]) -> str | Path:
    """The id of a run that is found by it; else its folder."""
    with suppress(UserError, OSError):
        if run.samefile(found_run(run.name, there)):
            return run.name
    return run
