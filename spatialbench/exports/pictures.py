"""Writing a run's pictures where another tool looks for them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from ..errors import UserError
from ..runs.expected import Key
from ..runs.files import disk_errors, make_folder, require_not_of_a_run
from ..runs.opening import Run
from ..runs.store import RunDirectory
from ..runs.whole_folder import whole_folder
from ..stages.progress import Progress
from .layouts import plan

STAGE = "export"


def export_pictures(run: Run, layout: str, folder: Path, progress: Progress) -> int:
    """Copy the finished expected pictures, bytes unchanged, and write the files beside them.

    Hard links stand for copies where the file system can, so that nothing is stored twice. The
    folder is there whole or not at all; the same command can be given again after a kill.

    Returns:
        How many pictures were written.

    Raises:
        UserError: a folder that is not empty, no finished picture, no space.
    """
    require_not_of_a_run(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} is not an empty folder: give --out a new one.")
    finished = run.directory.finished_images(progress.notice)
    keys = [key for key in run.expected.keys() if key in finished]  # noqa: SIM118
    if not keys:
        raise UserError(f"{run.path} has no finished picture to export: make them first.")
    planned = plan(layout, run.expected, keys)
    progress.begin(STAGE, 0, len(keys))
    with whole_folder(folder) as building:
        for key in keys:
            target = building / planned.pictures[key]
            make_folder(target.parent)
            with disk_errors(target):
                _link_or_copy(run.directory, key, finished[key].sha256, target)
            progress.advance(1)
        for name, content in planned.files.items():
            make_folder((building / name).parent)
            with disk_errors(building / name):
                (building / name).write_bytes(content)
    progress.end()
    return len(keys)


def _link_or_copy(directory: RunDirectory, key: Key, sha256: str, target: Path) -> None:
    content = directory.read_image(key)
    if hashlib.sha256(content).hexdigest() != sha256:
        raise UserError(
            f"{directory.image_path(*key)} has other bytes than when it was made: give the run's "
            "command again to make it anew, then this one."
        )
    try:
        os.link(directory.image_path(*key), target, follow_symlinks=False)
    except OSError:
        target.write_bytes(content)
