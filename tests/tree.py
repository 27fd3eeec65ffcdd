"""A folder as it is: what a test compares before and after."""

from __future__ import annotations

import os
from pathlib import Path


def tree(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Mode, number of names, and bytes of everything in a folder, by relative path.

    A link is its own target, and is not followed.
    """
    found = {}
    for path in sorted(folder.rglob("*")):
        told = path.lstat()
        content = b""
        if path.is_symlink():
            content = os.readlink(path).encode()
        elif path.is_file():
            content = path.read_bytes()
        found[str(path.relative_to(folder))] = (told.st_mode, told.st_nlink, content)
    return found
