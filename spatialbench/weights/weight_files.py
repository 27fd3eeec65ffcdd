"""Which files of a folder hold the weights that are loaded, and whether they are whole.

The libraries choose by name: one file, or an index that names the parts. An index, and some keys of
configurations, can name any file; here it names files of its own folder, which are hashed, or it is
refused.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..files.documents import read_json
from .variants import chosen

INDEX = ".safetensors.index.json"
_HEADER_LIMIT = 100 << 20
"""Bytes of the largest header that the format allows."""
_INTEGERS = ("I8", "U8", "I16", "U16", "I32", "U32", "I64", "U64", "BOOL")
_COUNTERS = ("position_ids", "num_batches_tracked", "relative_position_index")


def loaded_files(folder: Path, library: str, *, safe: bool) -> list[Path]:
    """The files of weights that a library loads from a folder, each of them whole.

    Args:
        folder: of one model.
        library: ``diffusers`` or ``transformers``.
        safe: whether they are safetensors; else ``pytorch_model.bin``.

    Raises:
        UserError: there is none, one is damaged or missing, or a configuration leads elsewhere.
    """
    _require_own(folder)
    if not safe:
        path = folder / "pytorch_model.bin"
        if reason := _no_weights(path):
            raise UserError(f"{path} {reason}; get an intact copy of it.")
        return [path]
    stem = _stem(library)
    special = f".{variant}" if (variant := variant_of(folder, library)) else ""
    one = folder / f"{stem}{special}.safetensors"
    index = folder / f"{stem}.safetensors.index{special}.json"
    # transformers prefers the single file, diffusers the index.
    if index.is_file() and (library == "diffusers" or not one.is_file()):
        files = [folder / name for name in indexed(index)]
    elif one.is_file():
        files = [one]
    else:
        there = ", ".join(sorted(path.name for path in folder.glob("*.safetensors"))[:4])
        raise UserError(
            f"{folder} has no {one.name} (it holds {there}); give the folder as save_pretrained "
            "writes it."
        )
    for path in files:
        if reason := _damage(path):
            raise UserError(f"{path} {reason}; get an intact copy of it.")
    return files


def variant_of(folder: Path, library: str) -> str | None:
    """The precision that a folder's weights are in, where it has those of no other name."""
    names = [path.name for path in folder.iterdir() if path.name.startswith(_stem(library))]
    return chosen(names).variant


def _stem(library: str) -> str:
    return "diffusion_pytorch_model" if library == "diffusers" else "model"


def indexed(index: Path) -> list[str]:
    """The names of the files that an index of safetensors names, all in its own folder.

    Raises:
        UserError: an index that cannot be read, or one that names a file outside of its folder, of
            another kind, or one that is not there.
    """
    try:
        content = read_json(index)
        names = sorted(set(content["weight_map"].values()))
        odd = [n for n in names if not isinstance(n, str) or not n.endswith(".safetensors")]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{index} cannot be read as an index of weights ({_first_line(error)}); get an intact "
            "copy of it."
        ) from error
    odd = odd or [n for n in names if Path(n).name != n or "\\" in n or n.startswith(".")]
    if odd or not names:
        what = f"names {odd[0]!r}" if odd else "names no file"
        raise UserError(
            f"{index} {what}; expected .safetensors files in its own folder: get an intact copy, "
            "as save_pretrained writes it."
        )
    for name in names:
        if not (index.parent / name).is_file():
            raise UserError(
                f"{index.parent / name} is missing, and {index.name} says that it holds weights; "
                "get the whole folder."
            )
    return names


def _require_own(folder: Path) -> None:
    """Refuse what makes a library load something else than the weights in the folder."""
    config = configuration(folder / "config.json")
    if (folder / "adapter_config.json").exists():
        raise UserError(
            f"{folder} holds an adapter_config.json, by which an adapter would be loaded over the "
            "weights, or another model in their place; give a folder of a whole model."
        )
    if config.get("transformers_weights") is not None:
        raise UserError(
            f"{folder / 'config.json'} names another file of weights (transformers_weights); "
            "remove that key, and name the file as save_pretrained does."
        )
    attention = [
        str(value) for key, value in _everywhere(config) if key.endswith("attn_implementation")
    ]
    if any("/" in value for value in attention):
        raise UserError(
            f"{folder / 'config.json'} asks for code from elsewhere (attn_implementation "
            f"{attention[0]!r}); remove that key."
        )


def configuration(path: Path) -> dict[str, Any]:
    """The object in a JSON configuration.

    Raises:
        UserError: missing, unreadable or no object.
    """
    try:
        content = read_json(path)
        if not isinstance(content, dict):
            raise ValueError("it is not a JSON object")
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path} cannot be read ({_first_line(error)}); get an intact copy of it."
        ) from error
    return content


def _everywhere(config: dict[str, Any]) -> list[tuple[str, Any]]:
    """Keys and values of a configuration and of the configurations in it."""
    found = list(config.items())
    for value in config.values():
        if isinstance(value, dict):
            found += value.items()
    return found


def _damage(path: Path) -> str | None:
    """What is wrong with a safetensors file, for a sentence that begins with its path."""
    if reason := _no_weights(path):
        return reason
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(size - 8, _HEADER_LIMIT):
            return f"is cut off or no safetensors file ({size} bytes)"
        try:
            header = json.loads(file.read(length))
            header.pop("__metadata__", None)
            end = max((int(entry["data_offsets"][1]) for entry in header.values()), default=0)
            kinds = {str(name): str(entry["dtype"]) for name, entry in header.items()}
        except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
            return "has a damaged header"
    if size != 8 + length + end:
        return f"has {size} bytes and its header says {8 + length + end}: it is cut off or damaged"
    odd = sorted(
        name
        for name, kind in kinds.items()
        if kind in _INTEGERS and name.rpartition(".")[2] not in _COUNTERS
    )
    if odd:
        return f"holds whole numbers where weights belong ({odd[0]}: {kinds[odd[0]]})"
    return None


def _no_weights(path: Path) -> str | None:
    """What a file is that is not a file of weights at all: the usual accidents of downloading."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(64).lstrip().lower()
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    if not size:
        return "is empty"
    if start.startswith(b"version https://git-lfs"):
        return "is a pointer of Git LFS and not the weights (type 'git lfs pull' in its repository)"
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        return "is a web page that was saved as weights"
    return None


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), "") or repr(error)
