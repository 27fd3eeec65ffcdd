"""What tools and file managers leave beside images, and what each of it is."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

_LEFT = {
    ".ds_store": "what macOS leaves in a folder",
    "__macosx": "what macOS packs beside files",
    "thumbs.db": "thumbnails of Windows",
    "desktop.ini": "what Windows leaves in a folder",
    "@eadir": "thumbnails of a network drive",
    ".ipynb_checkpoints": "what Jupyter leaves in a folder",
    ".git": "version control",
}
_THUMBNAIL = re.compile(r"(?:^|[._ -])(?:thumb|thumbnail|preview)s?(?:$|[._ -])")
_SHEET = re.compile(r"(?:.+[-_])?(?:grid|contact[-_ ]?sheet|montage)(?:[-_]\d+)?")


def left_by_tools(name: str) -> str | None:
    """What a file is that nobody made on purpose; None for all others.

    Args:
        name: relative, with ``/``.
    """
    parts = [part.lower() for part in PurePosixPath(name).parts]
    for part in parts:
        if part in _LEFT:
            return _LEFT[part]
    if parts[-1].startswith("._"):
        return "what macOS packs beside files"
    if any(part.startswith(".") for part in parts):
        return "hidden"
    return None


def image_by_product(name: str) -> str | None:
    """What an image is that shows no image of a prompt by itself; None for all others."""
    path = PurePosixPath(name.lower())
    if any(_THUMBNAIL.search(part) for part in (*path.parts[:-1], path.stem)):
        return "a thumbnail"
    if _SHEET.fullmatch(path.stem):
        return "a sheet of several images"
    return None
