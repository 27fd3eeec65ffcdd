"""The summaries of a run by other rules than the one it was scored by last.

``summary.json`` is by the last rule. What it replaces is kept as ``rules/<rule>/summary.json``, as
long as it is about the same images, so that a run can be shown under several rules at a time.
"""

from __future__ import annotations

from pathlib import Path

from ..files.documents import read_limited
from ..files.regular_files import is_regular, names_below, remove_below
from ..runs.files import make_folder, write_atomic
from ..runs.names import slug
from ..runs.store import RunDirectory
from .summary import Summary

FOLDER = "rules"

_SAME = ("run", "detector", "images", "images_expected", "prompts_expected")


def summaries_of_other_rules(run: Path) -> list[Path]:
    """Folders with a summary each, by rule."""
    folders = [run / FOLDER / name for name in names_below(run, run / FOLDER)]
    return [folder for folder in folders if is_regular(folder / "summary.json", run)]


def run_of(folder: Path) -> Path:
    """The run that a folder with a summary belongs to: itself, unless it is another rule's."""
    return folder.parent.parent if folder.parent.name == FOLDER else folder


def keep_other_rules(directory: RunDirectory, summary: Summary) -> None:
    """Set aside the summary that ``summary`` is about to replace, if another rule made it.

    One that somebody changed is not kept. Those set aside before that are of the new summary's rule
    or of other images are removed.

    Raises:
        UserError: no space, no permission.
    """
    for folder in summaries_of_other_rules(directory.path):
        if not _beside(_read(folder / "summary.json", directory.path), summary):
            remove_below(directory.path, folder / "summary.json")
    before = _read(directory.summary, directory.path)
    if before is not None and _beside(before, summary):
        folder = directory.path / FOLDER / slug(before.rule)
        make_folder(folder, directory.path)
        content = read_limited(directory.summary, below=directory.path)
        write_atomic(folder / "summary.json", content, directory.scratch)


def _beside(one: Summary | None, summary: Summary) -> bool:
    """Whether one says by another rule what the summary says of the same images."""
    if one is None or one.rule == summary.rule:
        return False
    return all(getattr(one, name) == getattr(summary, name) for name in _SAME)


def _read(path: Path, run: Path) -> Summary | None:
    """A summary, or None where there is none that can be read, or one that somebody changed."""
    try:
        return Summary.read(path, run)
    except (OSError, ValueError):
        return None
