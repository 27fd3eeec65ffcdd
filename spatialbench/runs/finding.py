"""Where runs are, and which of them a text means: a folder, an id, a name, or how one begins."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..errors import UserError, typed
from .identity import ID_LENGTH
from .manifest import NAME, Manifest, read_manifest

VARIABLE = "SPATIALBENCH_RUNS"
"""Environment variable with the folder of the runs."""

_OWN = f"*/*@*/{'[0-9a-f]' * ID_LENGTH}/{NAME}"
"""Below a folder of runs: where ``RunSpec.folder`` puts one."""
_SHOWN = 5
"""Candidates that a message lists."""


def runs_root() -> Path:
    """The folder of the runs that are made without ``--out``.

    It is ``$SPATIALBENCH_RUNS`` where that is set; else ``runs`` in the working directory; else the
    nearest ``runs`` in a folder above that holds runs already, so that the same runs are found from
    everywhere in a project; else ``runs`` in the working directory, which is then to be made.
    Above means: as far as the folders are the user's own, and up to the root of a git repository or
    the home directory.

    Raises:
        UserError: the variable names a file.
    """
    if given := os.environ.get(VARIABLE, "").strip():
        root = Path(given).expanduser()
        if root.exists() and not root.is_dir():
            raise UserError(f"{VARIABLE} is {given}, which is a file: set it to a folder.")
        return root
    here = Path("runs")
    return here if here.is_dir() else _above() or here


def _above() -> Path | None:
    """The nearest folder of runs above the working directory, as seen from there."""
    with suppress(OSError):
        place, seen = Path.cwd(), Path()
        while not (place / ".git").exists() and place not in (Path.home(), place.parent):
            place, seen = place.parent, seen / ".."
            if place.stat().st_uid != os.geteuid():
                break
            if next(iter((place / "runs").glob(_OWN)), None) is not None:
                return seen / "runs"
    return None


@dataclass(frozen=True, slots=True)
class Known:
    """A run that is there: its folder and what its manifest says."""

    path: Path
    manifest: Manifest

    @property
    def names(self) -> list[str]:
        """What it can be called by: its name, if it has one, and its id."""
        name = self.manifest.name
        return [self.manifest.id] if name is None else [name, self.manifest.id]

    @property
    def shown(self) -> str:
        """The id, the name if it has one, and where it lies."""
        name = self.manifest.name
        return f"{self.manifest.id}{'' if name is None else f' ({name})'} in {self.path}"


def known_runs(root: Path) -> list[Known]:
    """The runs at or below a folder whose manifest can be read, in path order."""
    found = []
    for path in runs_below(root):
        with suppress(UserError):
            found.append(Known(path, read_manifest(path)))
    return found


def found_run(given: str, there: Sequence[Known] | None = None) -> Path:
    """The folder that a text means, of a run or above some.

    A folder that is there wins; then one below the folder of the runs; then the run that has this
    id, this name, or the only one whose id or name begins so. A path that leads nowhere is
    returned as it is, for whoever takes it to refuse.

    Args:
        there: the runs in the folder of the runs, from whoever asks about several; None reads them.

    Raises:
        UserError: several runs are meant, or none; the message names those that were near.
    """
    if not given:
        raise UserError(
            "no run is named: the text is empty, as that of a variable that is not set."
        )
    place = Path(given)
    if os.path.lexists(place):
        return place
    root = runs_root()
    if (below := _below(root, place)) is not None:
        return below
    if there is None:
        there = known_runs(root) if root.is_dir() else []
    if os.sep in given:
        named = [run.path for run in there if run.manifest.name == given]
        return named[0] if len(named) == 1 else place
    ways = (
        [run for run in there if run.manifest.id == given],
        [run for run in there if run.manifest.name == given],
        [run for run in there if any(name.startswith(given) for name in run.names)],
    )
    meant = next(filter(None, ways), [])
    if len(meant) == 1:
        return meant[0].path
    if meant:
        raise UserError(
            f"{given!r} can mean {len(meant)} runs: {_some(meant)}. Give more of the id, or the "
            "folder."
        )
    if not there:
        where = "" if root.is_absolute() else f" (seen from {Path.cwd()})"
        set_already = os.environ.get(VARIABLE, "").strip()
        other = "another folder" if set_already else "the folder of your runs"
        raise UserError(
            f"there is no run directory {given}; expected a folder 'run' wrote, or the id or name "
            f"of a run in {root}{where}, which has none. Set {VARIABLE} to {other}."
        )
    close = _close(given, there)
    near = f"did you mean {' or '.join(run.shown for run in close)}? " if close else ""
    raise UserError(
        f"there is no run directory {given}, and no run in {root} has an id or name that begins "
        f"so: {near}'{typed('runs')}' lists the {len(there):,} there are."
    )


def _below(root: Path, place: Path) -> Path | None:
    """The folder below that of the runs, whether or not the text begins with ``runs/``."""
    if place.is_absolute() or ".." in place.parts or not place.parts:
        return None
    rest = place.parts[1:] if place.parts[0] == "runs" else ()
    ways = [root / place, root.joinpath(*rest)] if rest else [root / place]
    return next((way for way in ways if way.is_dir()), None)


def _some(runs: list[Known]) -> str:
    more = f" and {len(runs) - _SHOWN} more" if len(runs) > _SHOWN else ""
    return f"{'; '.join(run.shown for run in runs[:_SHOWN])}{more}"


def _close(given: str, there: Sequence[Known]) -> list[Known]:
    by_name = {name.casefold(): run for run in there for name in run.names}
    close = difflib.get_close_matches(given.casefold(), by_name, n=3, cutoff=0.5)
    return list({id(by_name[name]): by_name[name] for name in close}.values())


def runs_below(folder: Path) -> list[Path]:
    """The run directories at or below a folder, in path order; links are not followed."""
    return list(folders_below(folder, (NAME,)))


def folders_below(
    folder: Path, marks: Sequence[str], *, links: bool = False, above: Sequence[os.stat_result] = ()
) -> Iterator[Path]:
    """The outermost folders at or below a folder that hold a file of one of these names.

    They come in path order. Hidden folders below are not entered: what a stopped command left
    half-built or half-removed has such a name. What is removed meanwhile is not there.

    Args:
        links: whether links to folders are entered; one that leads back above itself is not.
        above: the folders on the way here.
    """
    if any((folder / mark).is_file() for mark in marks):
        yield folder
        return
    try:
        here = folder.stat()
        if any(os.path.samestat(here, one) for one in above):
            return
        with os.scandir(folder) as entries:
            inner = [
                entry.name
                for entry in entries
                if entry.is_dir(follow_symlinks=False) or (links and Path(entry).is_dir())
            ]
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in sorted(inner):
        if not name.startswith("."):
            yield from folders_below(folder / name, marks, links=links, above=[*above, here])


def run_at(folder: Path) -> Path:
    """A folder of a run, or the only run below it where that one is called ``run``."""
    inside = folder / "run"
    return inside if (inside / NAME).is_file() and runs_below(folder) == [inside] else folder
