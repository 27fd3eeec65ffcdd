"""Where the benchmark's prompt file comes from: a folder of the user's, or the cache of ``fetch``.

It is not shipped: its licence, CC BY-NC 4.0, allows no commercial use.
"""

from __future__ import annotations

import hashlib
import os
from functools import cache
from pathlib import Path

from spatialbench.errors import NotHere, UserError
from spatialbench.files.downloads import RemoteFile, cache_folder

OWNER = "geneval2"
FOLDER_VARIABLE = "SPATIALBENCH_GENEVAL2_PROMPTS"
"""Names a folder with the file, such as a clone of the official repository."""

COMMIT = "a6e82d2289e8d418f27f0adee77908b07060eea3"
NAME = "geneval2_data.jsonl"
SHA256 = "09233adbc9f877fba205f1a20efa4a8640e7e62a91dfd55893562bed8a928e43"

FILES: tuple[RemoteFile, ...] = (
    RemoteFile(
        NAME, f"https://raw.githubusercontent.com/facebookresearch/GenEval2/{COMMIT}/{NAME}", SHA256
    ),
)
"""What ``spatialbench fetch geneval2`` gets."""

LICENCE = (
    "the prompts and questions of GenEval 2 (Meta Platforms) are under CC BY-NC 4.0: not for "
    "commercial use, and to be named where they are passed on"
)


def is_official(content: bytes) -> bool:
    """Whether a file is the benchmark's own, byte for byte."""
    return hashlib.sha256(content).hexdigest() == SHA256


def content() -> bytes:
    """The prompt file, byte for byte. Nothing is downloaded.

    Raises:
        UserError: it is neither in the folder that ``SPATIALBENCH_GENEVAL2_PROMPTS`` names nor in
            the cache, or it is not the pinned file.
    """
    own = os.environ.get(FOLDER_VARIABLE)
    return _checked(Path(own).expanduser() if own else cache_folder() / OWNER)


@cache
def _checked(folder: Path) -> bytes:
    path = folder / NAME
    try:
        data = path.read_bytes()
    except OSError as error:
        raise NotHere(
            f"GenEval 2's {NAME} is not at {path}: type 'spatialbench fetch {OWNER}', or set "
            f"{FOLDER_VARIABLE} to a folder that holds it (a clone of the official repository)."
        ) from error
    if not is_official(data):
        found = hashlib.sha256(data).hexdigest()
        raise UserError(
            f"{path} is not the pinned {NAME} (sha256 {found[:12]}..., expected {SHA256[:12]}...): "
            f"take the file of commit {COMMIT[:7]}, or remove it and type 'spatialbench fetch "
            f"{OWNER}'. For prompts of your own in the same form, give --bench {OWNER}:FILE."
        )
    return data
