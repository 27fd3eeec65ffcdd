"""Writing a run's pictures where another tool looks for them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ..errors import UserError
from ..runs.files import disk_errors, make_folder
from ..runs.opening import Run
from ..stages.progress import Progress
from .layouts import plan

STAGE = "export"


def export_pictures(run: Run, layout: str, folder: Path, progress: Progress) -> int:
    """Copy the finished expected pictures, bytes unchanged, and write the files beside them.

    Hard links stand for copies where the file system can, so that nothing is stored twice.

    Returns:
        How many pictures were written.

    Raises:
        UserError: a folder that is not empty, no finished picture, no space.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} is not an empty folder: give --out a new one.")
    finished = run.directory.finished_images(progress.notice)
    keys = [key for key in run.expected.keys() if key in finished]  # noqa: SIM118
    if not keys:
        raise UserError(f"{run.path} has no finished picture to export: make them first.")
    planned = plan(layout, run.expected, keys)
    progress.begin(STAGE, 0, len(keys))
    for name, content in planned.files.items():
        make_folder((folder / name).parent)
        with disk_errors(folder / name):
            (folder / name).write_bytes(content)
    for key in keys:
        target = folder / planned.pictures[key]
        make_folder(target.parent)
        with disk_errors(target):
            _link_or_copy(run.directory.image_path(*key), target)
        progress.advance(1)
    progress.end()
    return len(keys)


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
