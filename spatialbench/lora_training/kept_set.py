"""The images that passed, with their prompts: a folder that any trainer can read.

    DATA/images/<prompt id>-<k>.png
    DATA/metadata.jsonl   file_name, text, relations, boxes: the layout of ``datasets``' imagefolder
    DATA/dataset.json     how it was made, what was rejected and why; written last

``run/`` beside them is the run the images come from.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..errors import UserError
from ..exchange.sources import inside
from ..files.documents import LARGE, first_error, json_lines, parse_json, read_json, read_limited
from ..files.regular_files import folder_below, names_below, remove_below
from ..runs.files import disk_errors, make_folder, write_atomic
from ..runs.identity import canonical_json

METADATA = "metadata.jsonl"
DESCRIPTION = "dataset.json"
IMAGES = "images"

_Corner = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)]
_Side = Annotated[int, Field(ge=1, le=1 << 16)]
_Triplet = Annotated[list[str], Field(min_length=3, max_length=3)]
_Box = Annotated[list[_Corner], Field(min_length=4, max_length=4)]


class _Record(BaseModel):
    """What every line of ``metadata.jsonl`` must say; boxes are xyxy in pixels."""

    model_config = ConfigDict(strict=True)

    file_name: str
    text: str
    sha256: str
    relations: Annotated[list[_Triplet], Field(min_length=1)]
    boxes: list[_Box]
    width: _Side
    height: _Side


@dataclass(frozen=True, slots=True)
class KeptImage:
    """One image of the set.

    Attributes:
        file: its path relative to the folder.
        text: the prompt.
        relation: the prompt's first relation, by name.
        record: its line in ``metadata.jsonl``.
    """

    file: str
    text: str
    relation: str
    record: dict[str, Any]


Image = Path | Callable[[], bytes]
"""An image of a run: its file, or what reads it."""


@dataclass(frozen=True, slots=True)
class KeptSet:
    """A folder of kept images; ``digest`` is a SHA-256 (hex) over prompts and image hashes."""

    folder: Path
    images: Sequence[KeptImage]
    description: dict[str, Any]
    digest: str


def write_kept(
    folder: Path, images: Iterable[tuple[Image, dict[str, Any]]], description: dict[str, Any]
) -> KeptSet:
    """Write the set from (file of the run, record) pairs; what stood there before is replaced.

    Images are linked to those of the run where the disk can, else copied.

    Args:
        folder: where the set goes; no link below it is followed.
        images: the files, below ``folder`` too, or what gives the bytes of those that are packed.
        description: of ``DESCRIPTION``.

    Raises:
        UserError: no space, no permission, a symbolic link on the way.
    """
    into = folder / IMAGES
    make_folder(into, folder)
    with disk_errors(folder):
        remove_below(folder, folder / DESCRIPTION)
    lines, names = [], set()
    for source, record in images:
        target = folder / record["file_name"]
        names.add(target.name)
        _place(source, target, folder)
        lines.append(json.dumps(record) + "\n")
    for stale in names_below(folder, into):
        if stale not in names:
            with disk_errors(into / stale):
                remove_below(folder, into / stale)
    write_atomic(folder / METADATA, "".join(lines).encode())
    write_atomic(folder / DESCRIPTION, json.dumps(description, indent=2).encode() + b"\n")
    return read_kept(folder)


def read_kept(folder: Path) -> KeptSet:
    """Open a folder that ``esplora build-data`` wrote.

    Raises:
        UserError: it is none, it is damaged, or the build was not finished.
    """
    try:
        description = read_json(folder / DESCRIPTION, below=folder)
        lines = json_lines(read_limited(folder / METADATA, LARGE, folder))
        records = [parse_json(line) for line in lines]
        images = [_image(record, folder) for record in records]
        content = canonical_json([[r["text"], r["sha256"]] for r in records])
    except ValidationError as error:
        raise _no_set(folder, first_error(error)) from error
    except (OSError, ValueError) as error:
        raise _no_set(folder, str(error)) from error
    return KeptSet(folder, images, description, hashlib.sha256(content.encode()).hexdigest())


def _image(record: Any, folder: Path) -> KeptImage:
    line = _Record.model_validate(record)
    return KeptImage(inside(line.file_name, folder), line.text, line.relations[0][1], record)


def _no_set(folder: Path, why: str) -> UserError:
    return UserError(
        f"{folder} is not a finished training set ({why}); give the folder of 'spatialbench "
        "esplora build-data', or type that command again to finish it."
    )


def _place(source: Image, target: Path, below: Path) -> None:
    if not isinstance(source, Path):
        write_atomic(target, source())
        return
    with (
        disk_errors(target),
        folder_below(below, source.parent) as there,
        folder_below(below, target.parent) as here,
    ):
        with suppress(FileNotFoundError):
            os.unlink(target.name, dir_fd=here)
        try:
            os.link(
                source.name, target.name, src_dir_fd=there, dst_dir_fd=here, follow_symlinks=False
            )
        except OSError:
            write_atomic(target, read_limited(source, LARGE, below))
