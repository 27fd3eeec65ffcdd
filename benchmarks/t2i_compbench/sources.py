"""Where the benchmark's own files come from: a folder of the user's, or the cache of ``fetch``."""

from __future__ import annotations

import hashlib
import os
from functools import cache
from pathlib import Path

from spatialbench.errors import NotHere, UserError
from spatialbench.files.downloads import RemoteFile, cache_folder

OWNER = "t2i-compbench"
FOLDER_VARIABLE = "SPATIALBENCH_T2I_COMPBENCH"
"""Names a folder with the files, such as ``examples/dataset`` of a clone."""

COMMIT = "1b7094991a57f3c22abdd4f6e8ba6c1a15517073"
_BASE = f"https://raw.githubusercontent.com/Karine-Huang/T2I-CompBench/{COMMIT}/examples/dataset"

SPATIAL = "spatial_val.txt"
SPATIAL_3D = "3d_spatial_val.txt"
NUMERACY = "numeracy_val.txt"
COMPLEX = "complex_val_spatial.txt"
COMPLEX_WHOLE, COMPLEX_ACTION = "complex_val.txt", "complex_val_action.txt"
COLOR, SHAPE, TEXTURE = "color_val.txt", "shape_val.txt", "texture_val.txt"
NON_SPATIAL = "non_spatial_val.txt"
OBJECTS = "new_objects.txt"

_SHA256 = {
    SPATIAL: "8707a1d7e42ce3002d95363cf55f74bd043c843ae27108f5125aaaa7840ca988",
    SPATIAL_3D: "c9953597315f36a5fcb41291bb19bdc6ab5f64a0fa760d691b4854a73f5d1fe9",
    NUMERACY: "dad8df141604b70ba7554bec724e3db0a80023680769b5c514854ea2d2527bbe",
    COMPLEX: "6c7ac0ab75c7c9080cfc7b421fb059b9b0febb98471707aeedf58771088abc02",
    COMPLEX_WHOLE: "1b808018b8d9916db3d47d5aa2ef18377a3549a56901a474156f799824cdf3b4",
    COMPLEX_ACTION: "d49ee4c7f99e3f3379fb8704a54ff5288b83bb412971edf616a4721c2473308e",
    COLOR: "1634259756dbc77d13093d907d414480080ec9790a8c97ad09efaea7b2534f2d",
    SHAPE: "37e1a276906c7ea9516cbd7ac8501be896006c0c17ca7344f260562834455bae",
    TEXTURE: "fbb5363515b4a28009e360afaaaf389d2dd2289e50dbb0c6ef4ea0c7fe4f3d4f",
    NON_SPATIAL: "04c56cc9ac441dc9ea6c5157652058bd1635b5308526dd31bb29a1caab9a758d",
    OBJECTS: "f39a3d2ff6067d7738673cbf465dc659ccc750776162989a5d9916f1d5f3e231",
}

FILES: tuple[RemoteFile, ...] = tuple(
    RemoteFile(name, f"{_BASE}/{name}", sha256) for name, sha256 in _SHA256.items()
)
"""What ``spatialbench fetch t2i-compbench`` gets; the project is MIT-licensed."""


def content(name: str) -> bytes:
    """A file of the benchmark, byte for byte. Nothing is downloaded.

    Raises:
        UserError: it is neither in the folder that ``SPATIALBENCH_T2I_COMPBENCH`` names nor in the
            cache, or it is not the pinned file.
    """
    return _checked(name, _folder())


def lines(name: str) -> tuple[str, ...]:
    """The lines of a file, whatever its line ends. Raises UserError as ``content`` does."""
    return tuple(content(name).decode("utf-8").splitlines())


def lines_if_there(name: str) -> tuple[str, ...]:
    """The same; empty where the file is not here."""
    try:
        return lines(name)
    except UserError:
        return ()


def plurals() -> dict[str, str]:
    """Plural by singular of the objects that numeracy prompts count, in the file's order.

    Raises:
        UserError: as ``content`` does.
    """
    return _pairs(content(OBJECTS))


@cache
def _pairs(data: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in data.decode("utf-8").splitlines():
        singular, plural = line.split(" - ", 1)
        found.setdefault(singular.strip(), plural.strip())
    return found


def _folder() -> Path:
    own = os.environ.get(FOLDER_VARIABLE)
    return Path(own).expanduser() if own else cache_folder() / OWNER


@cache
def _checked(name: str, folder: Path) -> bytes:
    path = folder / name
    try:
        data = path.read_bytes()
    except OSError as error:
        raise NotHere(
            f"T2I-CompBench's {name} is not at {path}: type 'spatialbench fetch {OWNER}', or set "
            f"{FOLDER_VARIABLE} to a folder that holds it (examples/dataset of the official "
            "repository)."
        ) from error
    found = hashlib.sha256(data).hexdigest()
    if found != _SHA256[name]:
        raise UserError(
            f"{path} is not the pinned {name} (sha256 {found[:12]}..., expected "
            f"{_SHA256[name][:12]}...): take the file of commit {COMMIT[:7]}, or remove it and "
            f"type 'spatialbench fetch {OWNER}'."
        )
    return data
