"""The first page of a site, from its template; whatever comes from a run is escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..reports.marks import MARKS
from .boards import Board
from .recipes import RecipePage, rendered

MARKER = '<meta name="generator" content="spatialbench site">'
"""What says that a page is ours, so that it may be replaced."""


@dataclass(frozen=True, slots=True)
class Against:
    """A page of two runs side by side.

    Attributes:
        board: the table that both stand in.
        other: the run that is set beside the reference.
        reference: the other one.
        href: where it lies, seen from the site's folder.
        runs: their folders.
        gained, lost, images: which became right, became wrong, and are in both.
    """

    board: str
    other: str
    reference: str
    href: str
    runs: tuple[str, str]
    gained: int
    lost: int
    images: int

    @property
    def told(self) -> str:
        """Which they are."""
        return f"{self.other} against {self.reference}"


def index_html(
    title: str,
    tables: Sequence[Board],
    pages: Mapping[str, str],
    gone: Mapping[str, int],
    against: Sequence[Against],
    recipes: Sequence[RecipePage],
    without: Mapping[str, str],
    forms: Sequence[str],
) -> str:
    """The page with the tables.

    Args:
        pages: by a run's folder where its page lies.
        gone: by a run's folder how many of its images are gone.
        recipes: pages of papers' tables.
        without: by a run's folder why it is not shown, or has no page.
        forms: in which the charts lie as files.
    """
    lines = [line for board in tables for line in board.lines]
    used = {mark for line in lines for mark in line.marks}
    return rendered(
        "site.html",
        marker=MARKER,
        title=title,
        boards=tables,
        pages=pages,
        gone=gone,
        against=against,
        recipes=recipes,
        without=without,
        forms=forms,
        runs=len({line.run for line in lines if line.run}),
        benchmarks=list(dict.fromkeys(board.benchmark for board in tables)),
        bases=sorted({line.base for line in lines}, key=str.casefold),
        marks=[(name, *MARKS[name]) for name in MARKS if name in used],
        published=any(line.source for line in lines),
    )
