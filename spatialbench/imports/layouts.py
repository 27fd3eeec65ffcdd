"""Where each tool's users keep their pictures: file names to prompts and image indices.

A layout says what a name means and never guesses: a name that does not follow it, or whose prompt
the benchmark does not have, is reported.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from ..documents import parse_json
from ..errors import UserError, unknown_name
from ..prompts import Prompt
from .sources import Source, inside

Placed = tuple[str, int] | str
"""Prompt id and image index of a file, or a sentence that says why it has none."""

PICTURES = (".png", ".jpg", ".jpeg", ".webp")

MANIFEST = "images.csv"


@dataclass(frozen=True)
class Names:
    """What a layout may look at besides a file's name.

    ``prompts`` are all prompts of the subset in the benchmark's order, ``images_per_prompt`` the
    benchmark's own number.
    """

    prompts: Sequence[Prompt]
    images_per_prompt: int


Layout = Callable[[Source, Names], dict[str, Placed]]


def _visor(source: Source, names: Names) -> dict[str, Placed]:
    """``<prompt id>_<k>.png``, as in the folder of images of the VISOR repository."""
    known = {prompt.id for prompt in names.prompts}
    placed: dict[str, Placed] = {}
    for name in source.names:
        prompt_id, _, index = PurePosixPath(name).stem.rpartition("_")
        if not prompt_id or not _number(index):
            placed[name] = "expected <prompt id>_<k>.png, such as 1103_0.png"
        elif prompt_id not in known:
            placed[name] = f"the benchmark has no prompt {prompt_id}"
        else:
            placed[name] = prompt_id, int(index)
    return placed


def _t2i_compbench(source: Source, names: Names) -> dict[str, Placed]:
    """``<prompt>_<running number>.png``, in ``samples/`` or not; n runs on over the prompts."""
    position = {prompt.text: place for place, prompt in enumerate(names.prompts)}
    placed: dict[str, Placed] = {}
    for name in source.names:
        text, _, number = PurePosixPath(name).stem.rpartition("_")
        if not text or not _number(number):
            placed[name] = "expected '<prompt>_<6 digits>.png'"
        elif text not in position:
            placed[name] = f"the benchmark has no prompt {text!r}"
        else:
            index = int(number) - position[text] * names.images_per_prompt
            first = position[text] * names.images_per_prompt
            if 0 <= index < names.images_per_prompt:
                placed[name] = names.prompts[position[text]].id, index
            else:
                last = first + names.images_per_prompt - 1
                placed[name] = f"the prompt's running numbers are {first:06d} to {last:06d}"
    return placed


def _geneval(source: Source, names: Names) -> dict[str, Placed]:
    """``<folder>/metadata.jsonl`` says the prompt, ``<folder>/samples/<k>.png`` the picture."""
    by_text: dict[str, list[Prompt]] = {}
    for prompt in names.prompts:
        by_text.setdefault(prompt.text, []).append(prompt)
    folders = {
        str(PurePosixPath(name).parent): _metadata(source, name)
        for name in source.names
        if PurePosixPath(name).name == "metadata.jsonl"
    }
    placed: dict[str, Placed] = {}
    for name in source.names:
        path = PurePosixPath(name)
        if path.name == "metadata.jsonl":
            continue
        folder = path.parent.parent
        text = folders.get(str(folder))
        if path.parent.name != "samples" or not _number(path.stem):
            placed[name] = "expected <folder>/samples/<digits>.png"
        elif text is None:
            placed[name] = f"{folder}/metadata.jsonl is missing or has no prompt"
        elif text not in by_text:
            placed[name] = f"the benchmark has no prompt {text!r}"
        else:
            found = by_text[text]
            if len(found) > 1:
                found = [prompt for prompt in found if prompt.id == folder.name]
            placed[name] = (
                (found[0].id, int(path.stem))
                if found
                else f"several prompts read {text!r}; name the folder as the prompt's id"
            )
    return placed


def _flat_csv(source: Source, names: Names) -> dict[str, Placed]:
    """Any names; ``images.csv`` beside them has the columns file, prompt_id and index.

    Raises:
        UserError: no such table, missing columns, a name that leads out, or a file it names twice.
    """
    if MANIFEST not in source.names:
        raise UserError(
            f"{source.path} has no {MANIFEST}: write one with the columns file, prompt_id, index."
        )
    columns, rows = _table(source)
    if not {"file", "prompt_id", "index"} <= set(columns):
        raise UserError(
            f"{source.path}/{MANIFEST} has the columns {', '.join(columns) or 'none'}; expected "
            "file, prompt_id and index."
        )
    known = {prompt.id for prompt in names.prompts}
    there = set(source.names)
    placed: dict[str, Placed] = dict.fromkeys(
        (name for name in source.names if name != MANIFEST), f"{MANIFEST} does not name it"
    )
    named: set[str] = set()
    for row in rows:
        name = inside(row["file"] or "", source.path / MANIFEST)
        if name in named:
            raise UserError(
                f"{source.path}/{MANIFEST} names {name!r} twice: give every file one line."
            )
        named.add(name)
        if name not in there:
            placed[name] = f"{MANIFEST} names it, and it is not there"
        elif row["prompt_id"] not in known:
            placed[name] = f"the benchmark has no prompt {row['prompt_id']}"
        elif not _number(index := row["index"] or ""):
            placed[name] = f"its index {index!r} is no whole number"
        else:
            placed[name] = row["prompt_id"], int(index)
    return placed


LAYOUTS: Mapping[str, Layout] = {
    "visor": _visor,
    "t2i-compbench": _t2i_compbench,
    "geneval": _geneval,
    "flat+csv": _flat_csv,
}
"""By the name that ``--layout`` takes."""


def place(layout: str, source: Source, names: Names) -> dict[str, Placed]:
    """What each file of a source is.

    Raises:
        UserError: an unknown layout, or a table of contents that cannot be used.
    """
    if layout not in LAYOUTS:
        raise unknown_name("layout", layout, LAYOUTS)
    placed = LAYOUTS[layout](source, names)
    return {
        name: where
        if isinstance(where, str) or PurePosixPath(name).suffix.lower() in PICTURES
        else f"not a picture: expected {', '.join(PICTURES)}"
        for name, where in placed.items()
    }


def _table(source: Source) -> tuple[list[str], list[dict[str, str | None]]]:
    """Columns and rows of ``images.csv``."""
    try:
        rows = csv.DictReader(io.StringIO(source.read(MANIFEST).decode("utf-8-sig")))
        return list(rows.fieldnames or ()), list(rows)
    except (csv.Error, UnicodeDecodeError) as error:
        raise UserError(
            f"{source.path}/{MANIFEST} is no table of comma-separated values in UTF-8 ({error}): "
            "write it again with the columns file, prompt_id and index."
        ) from error


def _number(text: str) -> bool:
    return re.fullmatch(r"\d{1,9}", text, re.ASCII) is not None


def _metadata(source: Source, name: str) -> str | None:
    try:
        metadata = parse_json(source.read(name))
        text = metadata["prompt"]
    except (ValueError, KeyError, TypeError):
        return None
    return text if isinstance(text, str) else None
