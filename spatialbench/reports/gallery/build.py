"""Writing the gallery's folder: an index, a filter table, and records in small data files."""

from __future__ import annotations

import base64
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
from ...files.shown_text import inert_json
from ...runs.files import disk_errors, make_folder, require_not_of_a_run
from ...runs.whole_folder import whole_folder
from ..charts.as_files import converted, require_forms, standalone
from ..compare.comparison import Comparison
from .charts import charts_of
from .facets import Entry, entries_of_one, entries_of_two, facets
from .page import Around, index_html
from .records import Side

if TYPE_CHECKING:
    from markupsafe import Markup

    from ..charts.sweep import Sweep

PER_PAGE = 120
"""Images on one page, at most; with two runs half as many cards."""

_CHUNK = 200
_THUMBNAIL = 384
ASSETS = ("page.css", "page.js", "gallery.css", "gallery.js")


@dataclass(frozen=True)
class Built:
    """What was written: the index file, its size in bytes, and how many images it shows."""

    index: Path
    bytes: int
    images: int


@dataclass(frozen=True)
class Wishes:
    """What its user may choose of a gallery.

    Attributes:
        copy: put small copies of the images into the folder, so that it can be moved; otherwise
            the pages show the runs' own files, and hold small copies of what lies in packs.
        figures: in which forms, of ``charts.as_files.FORMS``, the charts are written beside SVG.
    """

    copy: bool = False
    figures: Sequence[str] = ()


def build_gallery(
    folder: Path,
    sides: Sequence[Side],
    comparison: Comparison | None = None,
    wishes: Wishes | None = None,
    *,
    advance: Callable[[int], None] = lambda images: None,
    sweeps: Sequence[Sweep | None] = (),
) -> Built:
    """Write the gallery of one run, or of two side by side.

    Args:
        folder: new, empty, or holding an older gallery, which is replaced. It is there whole or
            not at all.
        sides: one run, or the reference and the other run of ``comparison``.
        comparison: with two sides.
        advance: told of images written.
        sweeps: for each side its metrics by threshold, or None for no such chart.

    Raises:
        UserError: a folder with other files in it, no space, no permission; charts in a form that
            needs a package that is not installed.
    """
    require_not_of_a_run(folder)
    refuse_others(folder, _OURS, "a gallery")
    wishes = wishes or Wishes()
    require_forms(wishes.figures)
    with whole_folder(folder) as building:
        write_assets(building)
        pages = Pages(building, folder, sides, comparison, wishes, sweeps=sweeps)
        written = pages.write(advance)
    return replace(written, index=folder / "index.html")


def write_assets(folder: Path) -> None:
    """The style sheets and scripts of galleries."""
    for name in ASSETS:
        write(folder / name, asset(__package__, name))


@dataclass(frozen=True)
class Pages:
    """A gallery that is written into an empty folder, with links as they are right elsewhere.

    Attributes:
        folder: where it is written.
        place: where it will lie.
        around: the site that it is a part of, or None for a gallery by itself.
    """

    folder: Path
    place: Path
    sides: Sequence[Side]
    comparison: Comparison | None
    wishes: Wishes
    sweeps: Sequence[Sweep | None] = ()
    around: Around | None = None

    def write(self, advance: Callable[[int], None]) -> Built:
        """Write everything but style sheets and scripts."""
        sides, folder = self.sides, self.folder
        pairing = self.comparison.pairing if self.comparison else None
        entries = entries_of_one(sides[0]) if pairing is None else entries_of_two(pairing)
        data = folder / "data"
        make_folder(data)
        for number, start in enumerate(range(0, len(entries), _CHUNK)):
            part = entries[start : start + _CHUNK]
            records = [self._record(entry) for entry in part]
            write(data / f"{number}.js", f"SB.chunk({number},{script(records)});\n".encode())
            advance(len(part))
        table = facets(entries, _CHUNK, len(sides) > 1)
        table["page"] = PER_PAGE // len(sides)
        table["names"] = [side.scored.label for side in sides]
        write(data / "facets.js", f"SB.facets({script(table)});\n".encode())
        charts = charts_of(sides, self.comparison, self.sweeps)
        if charts:
            make_folder(folder / "charts")
        for chart in charts:
            write_chart(folder / "charts" / chart.name, chart.svg, self.wishes.figures)
        forms = ("svg", *self.wishes.figures)
        page = index_html(sides, self.comparison, charts, forms, len(entries), self.around)
        index = page.encode()
        write(folder / "index.html", index)
        return Built(folder / "index.html", len(index), len(entries))

    def _record(self, entry: Entry) -> dict[str, Any]:
        shown = []
        for number, (side, row) in enumerate(zip(self.sides, entry.rows, strict=True)):
            if self.wishes.copy:
                source, small = _copied(self.folder, number, side, entry)
            else:
                source, small = _link(self.place, side, entry)
            told = side.shown(entry.key, entry.prompt, source, row)
            shown.append({**told, "small": True} if small else told)
        return {
            "id": f"{entry.key[0]}/{entry.key[1]}",
            "text": entry.prompt.text,
            "task": entry.prompt.task,
            "sides": shown,
        }


def write_chart(place: Path, svg: Markup, forms: Sequence[str]) -> None:
    """A chart as SVG and in other forms; ``place`` is the files' path without ending."""
    write(place.with_name(f"{place.name}.svg"), standalone(svg).encode())
    for form in forms:
        write(place.with_name(f"{place.name}.{form}"), converted(svg, form))


def refuse_others(folder: Path, ours: re.Pattern[str], what: str) -> None:
    """Raise UserError where something else would be replaced.

    Args:
        ours: the paths of the files that may be there.
        what: they are of, as in ``a gallery``.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file: give --out a new folder for {what}.")
    if not folder.is_dir():
        return
    # A link is never ours: nothing behind it is looked at, and nothing of it removed.
    others = (
        path
        for path in folder.rglob("*")
        if path.is_symlink()
        or not (path.is_dir() or ours.fullmatch(path.relative_to(folder).as_posix()))
    )
    if next(others, None) is not None:
        raise UserError(
            f"{folder} holds files that are not {what}'s: give --out a new or empty folder."
        )


FILES = (
    r"index\.html|data/(\d+|facets)\.js|charts/[^/]+\.(svg|pdf|png)|images/[AB]/[^/]+\.(png|jpg)"
)
"""The files of a gallery, whole or half-built, beside its style sheets and scripts."""
_OURS = re.compile(rf"{FILES}|(page|gallery)\.(css|js)")


def _link(folder: Path, side: Side, entry: Entry) -> tuple[str | None, bool]:
    """The run's own file; or, in the page itself, a copy. And whether it is a smaller one."""
    if entry.key not in side.images:
        return None, False
    directory = side.scored.run.directory
    if not directory.is_packed(entry.key):
        path = directory.image_path(*entry.key)
        return quote(Path(os.path.relpath(path, folder)).as_posix()), False
    # A page cannot show what lies in a pack, and as many files again are not wanted either.
    if (small := _small(side, entry)) is None:
        return None, False
    form, content = small
    return f"data:image/{form};base64,{base64.b64encode(content).decode()}", form == "jpeg"


def _copied(folder: Path, number: int, side: Side, entry: Entry) -> tuple[str | None, bool]:
    """A file with a small copy; and whether it is a smaller one."""
    if entry.key not in side.images or (small := _small(side, entry)) is None:
        return None, False
    form, content = small
    ending = {"png": "png", "jpeg": "jpg"}[form]
    name = Path("images", "AB"[number], f"{entry.key[0]}_{entry.key[1]}.{ending}")
    make_folder(folder / name.parent)
    write(folder / name, content)
    return quote(name.as_posix()), form == "jpeg"


def _small(side: Side, entry: Entry) -> tuple[str, bytes] | None:
    """A small copy: ``png`` where the image is small itself, else ``jpeg``, and its bytes."""
    sha256 = side.images[entry.key].sha256
    try:
        image = read_rgb(side.scored.run.directory.read_image(entry.key, sha256), ("PNG",))
    except (OSError, ValueError):
        return None
    form = "png" if max(image.size) <= _THUMBNAIL else "jpeg"
    image.thumbnail((_THUMBNAIL, _THUMBNAIL))
    buffer = io.BytesIO()
    image.save(buffer, format=form.upper(), quality=85)
    return form, buffer.getvalue()


def script(value: object) -> str:
    """JSON that is also safe inside a script, whatever a prompt says."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return inert_json(text).replace("<", "\\u003c")


def asset(package: str, name: str) -> bytes:
    """A file of a package's ``data``."""
    from importlib.resources import files

    return files(package).joinpath("data", name).read_bytes()


def write(path: Path, content: bytes) -> None:
    """Write a file; UserError where there is no space or no permission."""
    with disk_errors(path):
        path.write_bytes(content)
