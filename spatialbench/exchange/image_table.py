"""``images.csv``: any file names, and a table that says which image each of them is."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath, PureWindowsPath

from ..errors import UserError
from ..files.documents import without_mark
from ..plugins.layout import ImageFiles, Layout, Names, Placed, Plan, is_number
from ..prompts import Key
from .sources import inside

MANIFEST = "images.csv"
COLUMNS = ("file", "prompt_id", "index")


class TableLayout(Layout):
    """Any file names, beside the table."""

    summary = f"any names, and {MANIFEST} with the columns {', '.join(COLUMNS)}"

    def place(self, source: ImageFiles, names: Names) -> dict[str, Placed]:
        """Where ``images.csv`` puts the files beside it.

        Raises:
            UserError: no such table, missing columns, a name that leads out, or a file that it
                names twice.
        """
        if MANIFEST not in source.names:
            raise UserError(
                f"{source.path} has no {MANIFEST}: write one with the columns file, prompt_id, "
                "index."
            )
        columns, rows = _table(source)
        if not set(COLUMNS) <= set(columns):
            have = ", ".join(f"'{column}'" for column in columns) or "none"
            raise UserError(
                f"{source.path}/{MANIFEST} has the columns {have}; expected 'file', 'prompt_id' "
                "and 'index', separated by commas and without blanks around them."
            )
        there = set(source.names)
        near = {other.casefold(): other for other in source.names}
        placed: dict[str, Placed] = dict.fromkeys(
            (name for name in source.names if name != MANIFEST), f"{MANIFEST} does not name it"
        )
        named: set[str] = set()
        for line, row in rows:
            name = _name(row["file"] or "", source, line)
            if name in named:
                raise UserError(
                    f"{source.path}/{MANIFEST} names {name!r} twice: give every file one line."
                )
            named.add(name)
            prompt_id = row["prompt_id"] or ""
            if name not in there:
                placed[name] = f"{MANIFEST} names it, and it is not there{_meant(name, near)}"
            elif prompt_id not in names.known:
                placed[name] = names.unknown(prompt_id)
            elif not is_number(index := row["index"] or ""):
                placed[name] = f"its index {index!r} is not a whole number"
            else:
                placed[name] = prompt_id, int(index)
        return placed

    def plan(self, names: Names, keys: Sequence[Key]) -> Plan:
        """``<prompt id>_<k>.png`` and the table, which also tells the prompts."""
        images = {(prompt_id, k): f"{prompt_id}_{k}.png" for prompt_id, k in keys}
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow([*COLUMNS, "prompt"])
        for (prompt_id, k), name in images.items():
            writer.writerow([name, prompt_id, k, names.known[prompt_id].text])
        return Plan(images, {MANIFEST: out.getvalue().encode()})


def _meant(name: str, near: Mapping[str, str]) -> str:
    """The file that was meant, where case, blanks or folders differ; nothing where none is near."""
    plain = name.strip().casefold()
    meant = near.get(plain) or near.get(PurePosixPath(plain).name)
    return f": did you mean {meant!r}?" if meant else ""


def _name(given: str, source: ImageFiles, line: int) -> str:
    where = source.path / MANIFEST
    if not given:
        raise UserError(f"{where}, line {line}, names no file: fill it in or delete the line.")
    # Windows writes so; on Linux a backslash is a letter like any other.
    if "\\" in given:
        windows = PureWindowsPath(given)
        parts = windows.name if windows.anchor else windows.as_posix()
        raise UserError(
            f"{where}, line {line}, names the file {given!r} with a backslash: write {parts}."
        )
    return inside(given, where)


def _table(source: ImageFiles) -> tuple[list[str], list[tuple[int, dict[str, str | None]]]]:
    """Columns, and rows with their line; rows without any value, as spreadsheets leave, are out."""
    try:
        text = without_mark(source.read(MANIFEST)).decode("utf-8")
        reader = csv.DictReader(io.StringIO(text, newline=""))
        columns = list(reader.fieldnames or ())
        rows = [
            (reader.line_num, row)
            for row in reader
            if any(value.strip() if isinstance(value, str) else value for value in row.values())
        ]
        return columns, rows
    except (csv.Error, ValueError) as error:
        raise UserError(
            f"{source.path}/{MANIFEST} is not a CSV table in UTF-8 ({error}): "
            "write it again with the columns file, prompt_id and index."
        ) from error
