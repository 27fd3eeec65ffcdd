"""Writing a run's images where another tool looks for them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ..errors import UserError
from ..files.regular_files import open_regular
from ..plugins.layout import Plan
from ..prompts import Key
from ..runs.files import disk_errors, make_folder, require_not_of_a_run
from ..runs.opening import Run
from ..runs.progress import Progress
from ..runs.sent_prompts import is_rewritten, sent_texts
from ..runs.store import RunDirectory
from ..runs.stored_texts import NAME
from ..runs.whole_folder import whole_folder
from .layouts import names_of, plan

STAGE = "export"


def export_images(run: Run, layout: str, folder: Path, progress: Progress) -> int:
    """Write the images as a layout names them; see ``export_planned``."""

    def planned_for(keys: Sequence[Key]) -> Plan:
        names = names_of(run.expected)
        planned = plan(layout, names, keys)
        if not is_rewritten(run):
            return planned
        told = plan(layout, replace(names, sent=sent_texts(run)), keys)
        if told.files == planned.files:
            say_what_is_lost(run, f"the layout {layout}", progress.notice)
        return told

    return export_planned(run, folder, planned_for, progress)


def export_planned(
    run: Run, folder: Path, planned_for: Callable[[Sequence[Key]], Plan], progress: Progress
) -> int:
    """Copy the finished expected images, bytes unchanged, and write the files beside them.

    Hard links stand for copies where the file system can, so that nothing is stored twice. The
    folder is there whole or not at all; the same command can be given again after a kill.

    Returns:
        How many images were written.

    Raises:
        UserError: a folder that is not empty, no finished image, no space.
    """
    require_not_of_a_run(folder)
    empty = not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))
    refused = UserError(f"{folder} is not an empty folder: give --out a new one.")
    if not (empty or folder.is_dir()):
        raise refused
    finished = run.directory.finished_images(progress.notice)
    keys = [key for key in run.expected.keys() if key in finished]  # noqa: SIM118
    if not keys:
        first = run.manifest.images_first
        raise UserError(f"{run.path} has no finished image to export: {first}.")
    planned = planned_for(keys)
    if not empty:
        # The command may have been killed just after its work was done.
        if not _is_there(folder, planned, {key: finished[key].sha256 for key in keys}):
            raise refused
        progress.begin(STAGE, len(keys), len(keys))
        progress.end()
        return len(keys)
    progress.begin(STAGE, 0, len(keys))
    with whole_folder(folder) as building:
        for key in keys:
            target = building / planned.images[key]
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


def say_what_is_lost(run: Run, where: str, notice: Callable[[str], None]) -> None:
    """Tell that files do not say from which texts the images were made, where that matters."""
    if is_rewritten(run):
        there = (run.path / NAME).is_file()
        texts = f"file:{run.path / NAME}" if there else "unrecorded"
        notice(
            f"the prompts of these images were rewritten, which {where} does not say: give "
            f"--prompt-transform {texts} where they are imported"
        )


def _is_there(folder: Path, planned: Plan, hashes: Mapping[Key, str]) -> bool:
    """Whether a folder holds exactly what would be written now."""
    wanted = {planned.images[key]: sha256 for key, sha256 in hashes.items()}
    wanted |= {name: hashlib.sha256(data).hexdigest() for name, data in planned.files.items()}
    there = {path for path in folder.rglob("*") if not path.is_dir() or path.is_symlink()}
    if there != {folder / name for name in wanted}:
        return False
    try:
        return all(_sha256(folder / name, folder) == sha256 for name, sha256 in wanted.items())
    except (OSError, ValueError, UserError):
        return False


def _sha256(path: Path, below: Path) -> str:
    with open_regular(path, below) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _link_or_copy(directory: RunDirectory, key: Key, sha256: str, target: Path) -> None:
    content = directory.read_image(key, sha256)
    if hashlib.sha256(content).hexdigest() != sha256:
        raise UserError(
            f"image {key[0]}/{key[1]} of {directory.path} has other bytes than when it was made: "
            "give the run's command again to make the image, then this one."
        )
    directory.place_image(key, target)
