"""A site of runs: built beside its place, then put there whole."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import UserError
from ..reports.charts.as_files import require_forms
from ..reports.gallery.build import FILES, refuse_others
from ..runs.files import require_not_of_a_run
from ..runs.progress import Progress
from ..runs.whole_folder import whole_folder
from .boards import Board, boards
from .collecting import collect
from .page import MARKER
from .recipes import read_result
from .writing import Site, SiteWishes, is_same

_OURS = re.compile(
    r"index\.html|(page|gallery|site)\.(css|js)|charts/[^/]+\.(svg|pdf|png)"
    rf"|(runs|compare)/[^/]+/({FILES})|recipes/[^/]+\.html"
)


@dataclass(frozen=True)
class BuiltSite:
    """What was written: the index file, how many runs have a page, and which have none, and why."""

    index: Path
    runs: int
    comparisons: int
    without: dict[str, str]


def build_site(
    folders: Sequence[Path], out: Path, wishes: SiteWishes, progress: Progress
) -> BuiltSite:
    """Write the site of the runs at or below some folders.

    The same runs give the same bytes. A run that cannot be shown is named, and the rest is built.

    Args:
        out: new, empty, or holding an older site, which is replaced. It is there whole or not at
            all.

    Raises:
        UserError: no run; a folder with other files in it, no space, no permission; charts in a
            form that needs a package that is not installed; a title without words; a reference
            that is none of the runs; a file that is no result of a recipe.
    """
    require_not_of_a_run(out)
    refuse_others(out, _OURS, "a site")
    _refuse_other_index(out)
    require_forms(wishes.pages.figures)
    if not wishes.title.strip():
        raise UserError("--title has no words: give some, or leave it out.")
    recipes = [read_result(path) for path in wishes.recipes]
    collected = collect(folders, wishes.labels)
    tables = boards(collected, wishes.published)
    if wishes.reference is not None:
        _require_shown(wishes.reference, tables)
    with whole_folder(out) as building:
        site = Site(building, out, wishes, progress, recipes)
        site.write(tables, collected.left_out)
    without = {**collected.left_out, **site.without}
    return BuiltSite(out / "index.html", len(site.pages), len(site.against), without)


def _refuse_other_index(folder: Path) -> None:
    """Raise UserError where the page is somebody else's."""
    index = folder / "index.html"
    if index.is_file() and MARKER not in index.read_text("utf-8", "replace")[:2000]:
        raise UserError(f"{index} is not a page of a site: give --out a new or empty folder.")


def _require_shown(reference: Path, tables: Sequence[Board]) -> None:
    shown = [line.run for board in tables for line in board.lines if line.run]
    if not any(is_same(reference, run) for run in shown):
        known = ", ".join(dict.fromkeys(shown))
        raise UserError(f"--reference {reference} is none of the runs of this site ({known}).")
