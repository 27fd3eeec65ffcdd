"""What a site is of: its tables, a page for each run, and pages of two runs side by side."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import nan
from pathlib import Path

from .. import plugins
from ..api import choosing
from ..errors import UserError
from ..prompt_transforms import IDENTITY_KEY, NONE
from ..reports.charts.bars import Bar
from ..reports.charts.forest import forest
from ..reports.compare.comparison import Comparison, compare
from ..reports.compare.pairing import pair
from ..reports.gallery.build import (
    Pages,
    Wishes,
    asset,
    write,
    write_assets,
    write_chart,
)
from ..reports.gallery.charts import slug_of, sweep_of
from ..reports.gallery.page import Around
from ..reports.gallery.records import Side
from ..reports.scored import ScoredRun, load_scored
from ..runs.files import make_folder
from ..runs.names import slug
from ..runs.progress import Progress
from .boards import Board, Cell, Line
from .page import Against, index_html
from .recipes import RecipePage, RecipeResult, plots, recipe_html

_ASSETS = ("site.css", "site.js")
_UP = "../../"


@dataclass(frozen=True)
class SiteWishes:
    """What its user may choose of a site.

    Attributes:
        title: over all of it.
        labels: what to call runs, each as ``RUN=TEXT``.
        reference: the folder of the run that others are compared with; None for the one of
            each table whose method is a baseline and that has most images.
        published: whether rows of papers stand beside runs that may be compared with them.
        sweep: with the metrics by threshold, which take longest.
        recipes: files that ``reproduce --format json`` printed.
        pages: of the galleries.
    """

    title: str = "spatialbench results"
    labels: Sequence[str] = ()
    reference: Path | None = None
    published: bool = True
    sweep: bool = True
    recipes: Sequence[Path] = ()
    pages: Wishes = field(default_factory=Wishes)


def is_same(one: Path, other: str) -> bool:
    """Whether both lead to one folder."""
    return one.resolve() == Path(other).resolve()


@dataclass
class Site:
    """A site that is being written.

    Attributes:
        recipes: papers' tables made again.
        pages: by a run's folder where its page lies, seen from the site's.
        against: comparisons that have a page.
        without: by a run's folder, or by a comparison's, why it has no page.
        gone: by a run's folder how many of its images are gone.
    """

    folder: Path
    place: Path
    wishes: SiteWishes
    progress: Progress
    recipes: Sequence[RecipeResult] = ()
    pages: dict[str, str] = field(default_factory=dict)
    against: list[Against] = field(default_factory=list)
    without: dict[str, str] = field(default_factory=dict)
    gone: dict[str, int] = field(default_factory=dict)
    _named: list[str] = field(default_factory=list)
    _unpaired: list[tuple[str, tuple[str, str], str]] = field(default_factory=list)

    def write(self, tables: Sequence[Board], left_out: dict[str, str]) -> None:
        """Write all of it; ``left_out`` says of runs why they are in no table."""
        write_assets(self.folder)
        for name in _ASSETS:
            write(self.folder / name, asset(__package__, name))
        for board in tables:
            self._name_pages(board)
        for board in tables:
            self._compare(board)
        lines = {line.run: line for board in tables for line in _own_lines(board)}
        self.progress.begin("site", 0, sum(int(line.count or 0) for line in lines.values()))
        for run, line in lines.items():
            self._page(run, line)
        self.progress.end()
        for href, pair_of, why in self._unpaired:
            if not any(run in self.without for run in pair_of):
                self.without[href] = why
        for board in tables:
            self._forests(board)
        without = {**left_out, **self.without}
        recipes = [self._recipe(result) for result in self.recipes]
        index = index_html(
            *(self.wishes.title, tables, self.pages, self.gone, self.against, recipes, without),
            self.forms,
        )
        write(self.folder / "index.html", index.encode())

    @property
    def forms(self) -> Sequence[str]:
        """In which the charts lie as files."""
        return ("svg", *self.wishes.pages.figures)

    def _name_pages(self, board: Board) -> None:
        for line in _own_lines(board):
            if line.run not in self.pages:
                self.pages[line.run] = _free(f"runs/{slug(line.name)}", self.pages.values())

    def _compare(self, board: Board) -> None:
        """The pages of each run of a table beside the reference."""
        runs = list(self._opened(_own_lines(board)))
        reference = next((run for run in runs if self._is_reference(run)), None)
        baselines = [run for run in runs if _is_baseline(run)] or runs[:1]
        reference = reference or max(baselines, key=lambda run: run.result.images, default=None)
        if reference is None:
            return
        others = [run for run in runs if run is not reference and _shares_images(reference, run)]
        for comparison in compare(reference, others, other_prompts=True):
            first, second = (str(run.run.path) for run in (reference, comparison.other))
            name = f"compare/{slug(comparison.other.name)}-against-{slug(reference.name)}"
            href = _free(name, [one.href for one in self.against])
            try:
                self._write_comparison(href, comparison)
            except (UserError, OSError) as error:
                # Which of the two it is because of, their own pages tell.
                shutil.rmtree(self.folder / href, ignore_errors=True)
                self._unpaired.append((href, (first, second), str(error)))
                continue
            told = comparison.other.name
            if comparison.other.result.backbone != reference.result.backbone:
                told += f" · {comparison.other.result.backbone}"
            counts = (comparison.gained, comparison.lost, len(comparison.pairing.first.index))
            names = (told, reference.name)
            self.against.append(Against(board.name, *names, href, (first, second), *counts))

    def _opened(self, lines: Sequence[Line]) -> Iterator[ScoredRun]:
        for line in lines:
            try:
                yield replace(load_scored(choosing.existing_run(Path(line.run))), called=line.name)
            except (UserError, OSError) as error:
                self.without[line.run] = str(error)
                self.pages.pop(line.run, None)

    def _is_reference(self, run: ScoredRun) -> bool:
        wanted = self.wishes.reference
        return wanted is not None and is_same(wanted, str(run.run.path))

    def _write_comparison(self, href: str, comparison: Comparison) -> None:
        runs = (comparison.reference, comparison.other)
        links = [
            (f"{letter}: {run.name}", f"{_UP}{self.pages[str(run.run.path)]}/index.html")
            for letter, run in zip("AB", runs, strict=True)
        ]
        self._gallery(href, [Side.of(run) for run in runs], comparison, links, lambda images: None)

    def _page(self, run: str, line: Line) -> None:
        """The page of a run; where it has none the comparisons with it go, too."""
        for scored in self._opened([line] if run in self.pages else []):
            href = self.pages[run]
            links = [
                (one.told, f"{_UP}{one.href}/index.html") for one in self.against if run in one.runs
            ]
            try:
                side = Side.of(scored)
                self.gone[run] = side.gone
                self._gallery(href, [side], None, links, self.progress.advance)
            except (UserError, OSError) as error:
                self._failed(run, href, error)
        if run not in self.pages:
            for one in [one for one in self.against if run in one.runs]:
                shutil.rmtree(self.folder / one.href, ignore_errors=True)
                self.against.remove(one)

    def _gallery(
        self,
        href: str,
        sides: Sequence[Side],
        comparison: Comparison | None,
        links: Sequence[tuple[str, str]],
        advance: Callable[[int], None],
    ) -> None:
        swept = [sweep_of(side) for side in sides] if self.wishes.sweep and not comparison else []
        make_folder(self.folder / href)
        around = Around(_UP, self.wishes.title, links)
        Pages(
            *(self.folder / href, self.place / href, sides, comparison, self.wishes.pages),
            sweeps=swept,
            around=around,
        ).write(advance)

    def _failed(self, run: str, href: str, error: Exception) -> None:
        shutil.rmtree(self.folder / href, ignore_errors=True)
        self.without[run] = str(error)
        self.pages.pop(run, None)

    def _recipe(self, result: RecipeResult) -> RecipePage:
        """The page of a paper's table made again, with links to those of its runs."""
        name = _free(slug(result.recipe.replace("/", "-")).lower(), self._named)
        self._named.append(name)
        make_folder(self.folder / "recipes")
        charts = {}
        for key, svg in plots(result).items():
            place = f"charts/recipe-{name}-{slug_of(key)}"
            make_folder(self.folder / "charts")
            write_chart(self.folder / place, svg, self.wishes.pages.figures)
            charts[key] = (place, svg)
        pages = {str(Path(run).resolve()): href for run, href in self.pages.items()}
        page = recipe_html(result, self.wishes.title, pages, charts, self.forms)
        write(self.folder / "recipes" / f"{name}.html", page.encode())
        return RecipePage(f"recipes/{name}.html", result)

    def _forests(self, board: Board) -> None:
        make_folder(self.folder / "charts")
        for column, metric in enumerate(board.metrics):
            shown = [(line, line.cells[column]) for line in board.lines]
            known = [(line, cell) for line, cell in shown if cell.value is not None]
            rows = [
                (board.called(line), (nan, nan, nan) if line.source else _bar(cell), cell.text)
                for line, cell in known
            ]
            papers = [_bar(cell)[0] if line.source else nan for line, cell in known]
            svg = forest(metric.key, rows, board.title.partition(":")[0], papers)
            place = self.folder / "charts" / f"{board.name}-{slug_of(metric.key)}"
            write_chart(place, svg, self.wishes.pages.figures)


def _own_lines(board: Board) -> list[Line]:
    """The lines of runs by the rule that they were scored by last: those that have a page."""
    return [line for line in board.lines if line.run and not line.other_rule]


def _is_baseline(run: ScoredRun) -> bool:
    """Whether method and prompts are as they come."""
    if run.signature.parameters.get(IDENTITY_KEY, NONE) != NONE:
        return False
    method = (run.signature.method or "").partition("/")[0]
    if method not in plugins.names("method"):
        return False
    return plugins.load("method", method).baseline


def _shares_images(one: ScoredRun, other: ScoredRun) -> bool:
    try:
        pair(one, other)
    except UserError:
        return False
    return True


def _bar(cell: Cell) -> Bar:
    value, low, high = (nan if n is None else n for n in (cell.value, cell.low, cell.high))
    return value, low, high


def _free(name: str, taken: Iterable[str]) -> str:
    """The name, with a number where it is taken, also by one with other capital letters."""
    others, number, free = {one.casefold() for one in taken}, 1, name
    while free.casefold() in others:
        number += 1
        free = f"{name}-{number}"
    return free
