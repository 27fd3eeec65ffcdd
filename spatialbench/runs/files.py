"""Writing a file so that it is there whole or not at all, and what to say when the disk refuses."""

from __future__ import annotations

import errno
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import UserError
from ..files.documents import LARGE, read_limited
from ..files.regular_files import folder_below

_ADVICE = {
    errno.ENOSPC: "the disk is full: free some space",
    errno.EDQUOT: "your disk quota is used up: free some space",
    errno.EACCES: "no permission to write there: change the permissions or choose another place",
    errno.EPERM: "no permission to write there: change the permissions or choose another place",
    errno.EROFS: "the file system is read-only: copy the run to another or choose another place",
    errno.EFBIG: "the file would be larger than allowed: raise the limit (ulimit -f)",
    errno.EMFILE: "too many files are open: raise the limit (ulimit -n)",
    errno.ENOTDIR: "a file stands where a folder is needed: move it away or choose another place",
    errno.EEXIST: "a file stands where a folder is needed: move it away or choose another place",
    errno.EISDIR: "a folder stands where a file is needed: move it away",
    errno.ENAMETOOLONG: "the name is longer than the file system allows: choose a shorter one",
    errno.EIO: "the disk reports an error: check it or choose another place",
}

# Errors of file systems without hard links.
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}

_ATTEMPTS = 5

SCRATCH = ".scratch"
"""Name of the folder in a run where files are written before they are renamed into place."""

_OF_A_RUN = frozenset(
    {
        "asked.json",
        "depth",
        "detections",
        "images",
        "manifest.json",
        "packs",
        "prompts.jsonl",
        "quarantine.jsonl",
        "rules",
        "scores.parquet",
        "summary.json",
        "timing.jsonl",
        ".lock",
        SCRATCH,
    }
)
"""What a run directory holds, beside journals that begin with ``images.``."""


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn an OSError that the user can put right into a UserError about ``path``."""
    try:
        yield
    except OSError as error:
        advice = _ADVICE.get(error.errno or 0)
        if advice is None:
            raise
        raise UserError(
            f"cannot write {path}: {advice}, then give the same command again; what is finished "
            "is kept."
        ) from error


def unreadable(path: Path, error: OSError) -> UserError:
    """What to say of a file or folder that may not be read."""
    return UserError(
        f"{path} cannot be read ({error.strerror}): change its permissions, and give the command "
        "again."
    )


@contextmanager
def place_errors(path: Path) -> Iterator[None]:
    """As ``disk_errors``, where nothing but a place that the user named can be at fault.

    Any error of the system is then one of that place; so is what has no path: a loop of links, a
    NUL character.
    """
    try:
        with disk_errors(path):
            yield
    except (OSError, RuntimeError, ValueError) as error:
        if isinstance(error, OSError):
            why = error.strerror
        else:
            why = str(error) if _NO_PATH.match(str(error)) else None
        if why is None:
            raise
        raise UserError(
            f"cannot write {path}: {why}; choose another place, then give the same command again."
        ) from error


_NO_PATH = re.compile(r"Symlink loop|embedded null")
"""How what ``pathlib`` and ``os`` raise of a text that is no path begins."""


def make_folder(path: Path, below: Path | None = None) -> None:
    """Make a folder and its parents.

    Args:
        path: the folder.
        below: a folder that is there, below which no link is followed; None where the user named
            the whole path.

    Raises:
        UserError: the disk refuses, or a symbolic link below ``below``.
    """
    with place_errors(path):
        if below is None:
            path.mkdir(parents=True, exist_ok=True)
        else:
            with folder_below(below, path, make=True):
                pass


def require_not_of_a_run(path: Path) -> None:
    """Refuse a place for a report or an export where a run keeps its own files.

    Raises:
        UserError: a run directory, or one of the names in it that belong to the run; no path.
    """
    with place_errors(path):
        place = path.resolve()
        holding = [one for one in (place, *place.parents) if (one / "manifest.json").is_file()]
    for folder in holding:
        name = place.relative_to(folder).parts[:1]
        if not name or name[0] in _OF_A_RUN or name[0].startswith("images."):
            raise UserError(
                f"{path} belongs to the run in {folder}, which nothing but the run itself may "
                "change: choose another name, outside of the run."
            )


def write_report(path: Path, content: bytes) -> None:
    """Write a file that the user named, in a folder that may have to be made.

    Raises:
        UserError: a place where a run keeps its own files, or the disk refuses; a device or a pipe,
            which a file would take the place of.
    """
    require_not_of_a_run(path)
    make_folder(path.parent)
    with place_errors(path):
        if path.exists() and not path.is_dir() and (not path.is_file() or _of_devices(path)):
            raise UserError(
                f"{path} is no file but a device or a pipe, which would be replaced: give the name "
                "of a file, then give the same command again."
            )
        if not path.name:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        write_atomic(path, content)


def _of_devices(path: Path) -> bool:
    """Whether it is a link such as ``/dev/stdout``, which leads to a file at times."""
    return path.absolute().parent == Path("/dev")


def write_atomic(path: Path, content: bytes, scratch: Path | None = None) -> None:
    """Write ``path`` whole: under another name, to the disk, then renamed into place.

    No link is followed: one in place of the file is replaced, one in place of a folder between the
    run and the file is refused.

    Args:
        path: where the content is to be, in a folder that is there.
        content: all of it.
        scratch: the folder for the other name, directly below the folder that holds everything,
            such as the run directory. The other name is then unique, so that any number of
            processes may write ``path`` at once; one of them wins. Whoever knows that nobody
            writes empties that folder. None is for a file of one writer in a folder that the user
            named: the other name is then a fixed one (``.NAME.tmp``), and what a kill left is
            overwritten.

    Raises:
        UserError: no space, no permission, a read-only file system, a symbolic link on the way.
    """
    with disk_errors(path):
        for attempt in range(_ATTEMPTS):
            try:
                with _written(path, content, scratch) as (name, beside, folder):
                    os.replace(name, path.name, src_dir_fd=beside, dst_dir_fd=folder)
            except FileNotFoundError:
                # Somebody emptied the scratch folder in between.
                if scratch is None or attempt == _ATTEMPTS - 1:
                    raise
            else:
                return


def write_if_other(path: Path, content: bytes, run: Path) -> None:
    """Write a file of a run whole, unless it holds exactly this already.

    Raises:
        UserError: as ``write_atomic``.
    """
    try:
        same = read_limited(path, LARGE, run) == content
    except (OSError, ValueError):
        same = False
    if not same:
        write_atomic(path, content, run / SCRATCH)


def create_atomic(path: Path, content: bytes, scratch: Path) -> bool:
    """Write ``path`` whole, unless it is there already; of several processes one succeeds.

    Returns:
        Whether this call made the file.

    Raises:
        UserError: no space, no permission, a read-only file system, a symbolic link on the way.
    """
    with disk_errors(path), _written(path, content, scratch) as (name, beside, folder):
        places = {"src_dir_fd": beside, "dst_dir_fd": folder}
        try:
            os.link(name, path.name, **places, follow_symlinks=False)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            # Such a file system cannot refuse; the two steps are as near as it comes.
            if os.path.lexists(path):
                return False
            os.replace(name, path.name, **places)
        return True


@contextmanager
def _written(path: Path, content: bytes, scratch: Path | None) -> Iterator[tuple[str, int, int]]:
    """The content under another name, on the disk: that name, its folder, the folder of ``path``.

    What still stands under that name at the end is removed.
    """
    root = path.parent if scratch is None else scratch.parent
    with (
        folder_below(root, path.parent) as folder,
        folder_below(root, scratch or path.parent, make=True) as beside,
    ):
        if scratch is None:
            name = f".{path.name}.tmp"
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=beside)
        else:
            name = f"{path.name}.{os.getpid()}-{uuid.uuid4().hex[:12]}"
        handle = os.open(
            name, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o666, dir_fd=beside
        )
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            yield name, beside, folder
        finally:
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=beside)


def empty_scratch(scratch: Path) -> None:
    """Remove what killed writers left. Only for whoever knows that nobody else writes."""
    shutil.rmtree(scratch, ignore_errors=True)


def sync_folder(path: Path) -> None:
    """Put a folder's entries on the disk, so that a new or renamed file survives a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
