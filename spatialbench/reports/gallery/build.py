"""Writing the gallery's folder: an index, a filter table, and records in small data files."""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ...errors import UserError
from ...files.images import read_rgb
from ...runs.files import disk_errors, make_folder, require_not_of_a_run
from ...runs.whole_folder import whole_folder
from ..compare.comparison import Comparison
from .charts import charts_of
from .facets import Entry, entries_of_one, entries_of_two, facets
from .page import index_html
from .records import Side

if TYPE_CHECKING:
    from ..charts.sweep import Sweep

PER_PAGE = 120
"""Images on one page, at most; with two runs half as many cards."""

_CHUNK = 200
_THUMBNAIL = 384
_ASSETS = ("gallery.css", "gallery.js")


@dataclass(frozen=True)
class Built:
    """What was written: the index file, its size in bytes, and how many images it shows."""

    index: Path
    bytes: int
    images: int


def build_gallery(
    folder: Path,
    sides: Sequence[Side],
    comparison: Comparison | None = None,
    *,
    copy: bool = False,
    advance: Callable[[int], None] = lambda images: None,
    sweeps: Sequence[Sweep | None] = (),
) -> Built:
    """Write the gallery of one run, or of two side by side.

    Args:
        folder: new, empty, or holding an older gallery, which is replaced. It is there whole or
            not at all.
        sides: one run, or the reference and the other run of ``comparison``.
        comparison: with two sides.
        copy: put small copies of the images into the folder, so that it can be moved;
            otherwise the pages show the runs' own files.
        advance: told of images written.
        sweeps: for each side its metrics by threshold, or None for no such chart.

    Raises:
        UserError: a folder with other files in it, no space, no permission.
    """
    require_not_of_a_run(folder)
    _refuse_others(folder)
    with whole_folder(folder) as building:
        written = _fill(building, folder, sides, comparison, copy, advance, sweeps)
    return replace(written, index=folder / "index.html")


def _fill(
    folder: Path,
    place: Path,
    sides: Sequence[Side],
    comparison: Comparison | None,
    copy: bool,
    advance: Callable[[int], None],
    sweeps: Sequence[Sweep | None],
) -> Built:
    """Write everything into an empty folder, with links as they are right at ``place``."""
    pairing = comparison.pairing if comparison else None
    entries = entries_of_one(sides[0]) if pairing is None else entries_of_two(pairing)
    data = folder / "data"
    make_folder(data)
    for number, start in enumerate(range(0, len(entries), _CHUNK)):
        part = entries[start : start + _CHUNK]
        records = [_record(folder if copy else place, sides, entry, copy) for entry in part]
        _write(data / f"{number}.js", f"SB.chunk({number},{_script(records)});\n".encode())
        advance(len(part))
    table = facets(entries, _CHUNK, len(sides) > 1)
    table["page"] = PER_PAGE // len(sides)
    table["names"] = [side.scored.label for side in sides]
    _write(data / "facets.js", f"SB.facets({_script(table)});\n".encode())
    for name in _ASSETS:
        _write(folder / name, _asset(name))
    charts = charts_of(sides, comparison, sweeps)
    if charts:
        make_folder(folder / "charts")
    for chart in charts:
        _write(folder / "charts" / f"{chart.name}.svg", str(chart.svg).encode())
    index = index_html(sides, comparison, charts, len(entries)).encode()
    _write(folder / "index.html", index)
    return Built(folder / "index.html", len(index), len(entries))


def _refuse_others(folder: Path) -> None:
    """Raise UserError where something else than a gallery would be replaced."""
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file: give --out a new folder for the gallery.")
    if not folder.is_dir():
        return
    # A link is never ours: nothing behind it is looked at, and nothing of it removed.
    others = [
        path
        for path in folder.rglob("*")
        if path.is_symlink()
        or not (path.is_dir() or _OURS.fullmatch(path.relative_to(folder).as_posix()))
    ]
    if others:
        raise UserError(
            f"{folder} holds files that are not a gallery's: give --out a new or empty folder."
        )


_OURS = re.compile(
    r"index\.html|gallery\.css|gallery\.js|data/(\d+|facets)\.js|charts/[^/]+\.svg"
    r"|images/[AB]/[^/]+\.(png|jpg)"
)
"""The files of a gallery, whole or half-built."""


def _record(folder: Path, sides: Sequence[Side], entry: Entry, copy: bool) -> dict[str, Any]:
    place = _thumbnail if copy else _link
    return {
        "id": f"{entry.key[0]}/{entry.key[1]}",
        "text": entry.prompt.text,
        "task": entry.prompt.task,
        "sides": [
            side.shown(entry.key, entry.prompt, place(folder, number, side, entry), row)
            for number, (side, row) in enumerate(zip(sides, entry.rows, strict=True))
        ],
    }


def _link(folder: Path, number: int, side: Side, entry: Entry) -> str | None:
    if entry.key not in side.images:
        return None
    path = side.scored.run.directory.image_path(*entry.key)
    return quote(Path(os.path.relpath(path, folder)).as_posix())


def _thumbnail(folder: Path, number: int, side: Side, entry: Entry) -> str | None:
    """A small copy, as PNG where the image is small itself."""
    if entry.key not in side.images:
        return None
    name = Path("images", "AB"[number], f"{entry.key[0]}_{entry.key[1]}")
    try:
        image = read_rgb(side.scored.run.directory.read_image(entry.key), ("PNG",))
    except (OSError, ValueError):
        return None
    small = max(image.size) <= _THUMBNAIL
    name = name.with_name(name.name + (".png" if small else ".jpg"))
    image.thumbnail((_THUMBNAIL, _THUMBNAIL))
    buffer = io.BytesIO()
    image.save(buffer, format="PNG" if small else "JPEG", quality=85)
    make_folder(folder / name.parent)
    _write(folder / name, buffer.getvalue())
    return quote(name.as_posix())


def _script(value: object) -> str:
    """JSON that is also safe inside a script, whatever a prompt says."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")


def _asset(name: str) -> bytes:
    from importlib.resources import files

    return files(__package__).joinpath("data", name).read_bytes()


def _write(path: Path, content: bytes) -> None:
    with disk_errors(path):
        path.write_bytes(content)
