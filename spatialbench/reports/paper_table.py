"""A table as a paper has it: what all rows share is said once, and nothing that is typed."""

from __future__ import annotations

import re
from dataclasses import replace

from .tables import SIDES, Table
from .view import with_columns

_MEASURED = "measured"
_COMMAND = re.compile(r"(?:^|[\s'(])--[a-z]|\bspatialbench [a-z]")
_ASIDE = re.compile(r"\s*\((?:--[a-z]|docs/)[^)]*\)")


def for_paper(table: Table, chosen: bool) -> Table:
    """The table without what is said once: sources as notes, what all rows share in the caption."""
    notes = [note for note in map(_told, table.notes) if note]
    caption = table.caption or table.title
    if chosen:
        return replace(table, title=caption, notes=notes)
    kept = list(range(len(table.columns)))
    rows = [list(row) for row in table.rows]
    if table.columns[-1:] == ["source"] and len(kept) > 1:
        kept.pop()
        numbers: dict[str, int] = {}
        for row in rows:
            if row[-1] != _MEASURED:
                row[0] += f" ({numbers.setdefault(row[-1], len(numbers) + 1)})"
        notes += [f"({number}) {source}" for source, number in numbers.items()]
    kept = [place for place in kept if not rows or any(row[place] for row in rows)]
    shared = []
    for name in ("base", "images"):
        place = table.columns.index(name) if name in table.columns else 0
        if place in kept[1:] and len(rows) > 1:
            said = {row[place] for row in rows}
            if len(said) == 1 and said != {""}:
                kept.remove(place)
                shared.append(f"{name}: {said.pop()}")
    if shared and caption:
        caption = f"{caption} ({', '.join(shared)})"
    return with_columns(replace(table, rows=rows, title=caption, notes=notes), kept)


def _told(note: str) -> str:
    """A note without what is typed on a command line."""
    if note.startswith(SIDES):
        note = f"Sub- and superscripts:{note.removeprefix(SIDES)}"
    note = _ASIDE.sub("", note.replace("bold (* in plain text)", "bold"))
    parts = [part for part in note.split("; ") if not _COMMAND.search(part)]
    return "; ".join(parts).strip()


def as_sentence(note: str) -> str:
    """A note as a sentence."""
    if re.match(r"[a-z]+[ :,]", note):
        note = note[0].upper() + note[1:]
    return note + ("" if note.endswith((".", "!", "?")) else ".")
