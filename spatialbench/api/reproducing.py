"""A paper's table asked for again: each row an evaluation, all of them checked before the first.

The run of a row is the one that ``run`` makes with the same options, in the same folder: whatever
of it was made before, or by another machine, is used.
"""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .. import plugins
from ..backbones.named import is_word
from ..backbones.named import names as known_backbones
from ..errors import NotHere, UserError, unknown_name
from ..files.shown_text import counted
from ..plugins import Benchmark, Method, MethodPlugin
from ..plugins.parameters import assignments
from ..recipes.checks import check
from ..recipes.loading import Source, load, shipped_folder
from ..recipes.rows import Point, points
from ..runs.progress import Once, Progress, Silent
from ..runs.selection import Selection
from ..weights.hub import Unreachable
from . import choosing
from .at_work import check_recordings
from .evaluation import Evaluation
from .what import object_of, parameters_of


@dataclass(frozen=True)
class AskedRow:
    """A row of the table as it is asked for.

    Attributes:
        point: the row of the recipe.
        parts: an evaluation for each seed scheme; none where it cannot be made.
        cannot: why it cannot, or None.
        paper: how many prompts and images per prompt the recipe has it measured on.
        asked: the same here.
    """

    point: Point
    parts: tuple[Evaluation, ...] = ()
    cannot: str | None = None
    paper: tuple[int, int] = (0, 0)
    asked: tuple[int, int] = (0, 0)

    @property
    def name(self) -> str:
        """What the table calls it."""
        return self.point.name

    def differs(self) -> list[str]:
        """What differs from the paper's protocol in this row alone, in words."""
        found, point = [], self.point
        if point.instead is not None:
            own = ", ".join(point.own)
            rest = f"; its own {own}" if own else ""
            found.append(f"made with {point.instead} instead of {point.backbone}{rest}")
        if self.parts and self.asked[0] != self.paper[0]:
            found.append(f"{self.asked[0]:,} of {self.paper[0]:,} prompts")
        if self.parts and self.asked[1] != self.paper[1]:
            found.append(f"{counted(self.asked[1], 'image')} per prompt instead of {self.paper[1]}")
        return [*found, *point.differs]


@dataclass(frozen=True)
class Reproduction:
    """A recipe and what was asked of it.

    Attributes:
        source: the recipe and its file.
        benchmark: the one that it is of.
        rows: those that were asked for, in the order of the recipe.
        every_point: all rows of the recipe, also those that were not asked for.
        left_out: the names of the others.
        backbone: what was asked for instead of the paper's backbones, or None.
        margin: percentage points within which a value agrees.
        progress: what is told.
        cannot: by the name of a row, why it cannot be made on this machine, once that is known.
    """

    source: Source
    benchmark: Benchmark
    rows: tuple[AskedRow, ...]
    every_point: Sequence[Point]
    left_out: tuple[str, ...] = ()
    backbone: str | None = None
    margin: float = 0.0
    progress: Progress = field(default_factory=Silent)
    cannot: dict[str, str] = field(default_factory=dict)

    def why_not(self, row: AskedRow) -> str | None:
        """Why a row cannot be made, or None."""
        return row.cannot or self.cannot.get(row.name)

    @property
    def makeable(self) -> list[AskedRow]:
        """The rows that can be made."""
        return [row for row in self.rows if row.cannot is None]


def asked(
    recipe: str | Path,
    *,
    backbone: str | None = None,
    limit: int | None = None,
    images_per_prompt: int | None = None,
    rows: Sequence[str] = (),
    out: Path | None = None,
    margin: float | None = None,
    planned: bool = False,
    **how: Any,
) -> Reproduction:
    """Read a recipe and find out what each of its rows is; loads no model.

    Args:
        recipe: the id of a shipped one, or a file.
        backbone: of all rows, instead of the paper's.
        limit: at most so many prompts per row.
        images_per_prompt: of every row, instead of the recipe's.
        rows: patterns such as ``Ours*``; only rows whose names match one. What follows ``!`` is
            left out.
        out: a folder in which the runs lie as they do under ``runs``.
        margin: percentage points within which a value agrees; None for the recipe's.
        planned: for a plan, which also lists rows whose model is not here and cannot be asked.
        how: further fields of ``Evaluation``, the same for every row.

    Raises:
        UserError: no such recipe or row, a recipe that contradicts itself, or an unknown name in
            a row. With ``backbone`` a row that the backbone does not take is kept with the reason,
            and so is one whose weights are not to be had here.
    """
    progress = Once(how.get("progress") or Silent())
    how["progress"] = progress
    source = load(recipe)
    whose = str(source.path)
    found = points(source.recipe, whose, backbone)
    benchmark, _ = choosing.benchmark_and_subset(source.recipe.benchmark)
    check(source.recipe, found, benchmark, whose)
    chosen = _chosen(found, rows, whose)
    # Of a function it may be any word.
    named = all(point.method in plugins.names("method") for point in chosen if point.method)
    if backbone and named and is_word(backbone) and backbone not in known_backbones():
        raise unknown_name("backbone", backbone, known_backbones())
    given = _Given(source, backbone, limit, images_per_prompt, out, planned, how)
    made, wrong = [], []
    for point in chosen:
        if point.cannot is not None:
            made.append(AskedRow(point, cannot=point.cannot))
            continue
        try:
            parts = given.parts(point)
        except UserError as error:
            # Names and settings are the recipe's own, whatever model it is made with.
            wrong.append(f"row {point.name!r}: {error}")
            continue
        try:
            made.append(given.row(point, parts))
        except UserError as error:
            made.append(AskedRow(point, cannot=str(error)))
            elsewhere = point.instead is not None or (planned and isinstance(error, NotHere))
            if not elsewhere and not _of_this_machine(error, source):
                wrong.append(f"row {point.name!r}: {error}")
    if wrong:
        raise UserError(_together(wrong, whose))
    names = {point.name for point in chosen}
    left_out = tuple(point.name for point in found if point.name not in names)
    margin = source.recipe.margin if margin is None else margin
    return Reproduction(source, benchmark, tuple(made), found, left_out, backbone, margin, progress)


def _of_this_machine(error: UserError, source: Source) -> bool:
    """Whether a row that is refused could be made elsewhere, so that the others are made here.

    The names and values of a shipped recipe are sound: what it lacks are weights. In a recipe of
    the user's own it is known only of a Hub that gives no answer.
    """
    return isinstance(error, Unreachable) or _is_shipped(source)


def _is_shipped(source: Source) -> bool:
    return source.path.is_relative_to(shipped_folder())


def _together(wrong: Sequence[str], whose: str) -> str:
    more = f" ({len(wrong)} rows are wrong; these are the first 5)" if len(wrong) > 5 else ""
    offer = 'To make the others, leave a row out with --rows "!NAME".'
    return f"{whose}: {' '.join(wrong[:5])}{more} {offer}"


def _chosen(found: Sequence[Point], patterns: Sequence[str], whose: str) -> list[Point]:
    """The rows that a pattern names, all without one; less those of patterns that begin with !."""
    names = [point.name for point in found]
    # A row may itself have a name that begins so.
    without = [one[1:] for one in patterns if one.startswith("!") and one not in names]
    wanted = [one for one in patterns if not one.startswith("!") or one in names]
    for pattern in (*wanted, *without):
        if not any(_named(name, pattern) for name in names):
            raise UserError(f"{whose}: {unknown_name('row', pattern, names)}")
    wanted = wanted or ["*"]
    kept = [
        point
        for point in found
        if any(_named(point.name, one) for one in wanted)
        and not any(_named(point.name, one) for one in without)
    ]
    if not kept:
        raise UserError(f"{whose}: --rows leaves no row: its rows are {', '.join(names)}.")
    return kept


def _named(name: str, pattern: str) -> bool:
    return name == pattern or fnmatch.fnmatchcase(name.casefold(), pattern.casefold())


@dataclass(frozen=True)
class _Given:
    """What was asked for, to make evaluations of."""

    source: Source
    backbone: str | None
    limit: int | None
    images_per_prompt: int | None
    out: Path | None
    planned: bool
    how: Mapping[str, Any]
    papers: dict[Selection, tuple[int, int]] = field(default_factory=dict)

    def parts(self, point: Point) -> tuple[Evaluation, ...]:
        """An evaluation per seed scheme. Raises UserError for a method or setting nobody knows."""
        return tuple(self._evaluation(point, seeds) for seeds in point.seeds)

    def row(self, point: Point, parts: tuple[Evaluation, ...]) -> AskedRow:
        """The row as it is. Raises UserError for a wrong value, or a model that is not here."""
        if self.out is not None:
            parts = tuple(replace(part, out=part.spec.folder(self.out)) for part in parts)
        first, options = parts[0], point.options
        here = first.expected
        own = Selection(options.get("limit"), first.only, options.get("images_per_prompt"))
        if own not in self.papers:
            paper = here if own == here.selection else first.spec.expect(own)
            self.papers[own] = (len(paper.prompts), paper.images_per_prompt)
        for part in parts:
            part.judging  # noqa: B018
            check_recordings(part)
            if self.planned and point.instead is None and not _is_shipped(self.source):
                # Whether these are known; a plan lists what they lack.
                with suppress(NotHere):
                    _ = part.found_by, part.answered_by, part.depth_by
        return AskedRow(
            point,
            parts,
            paper=self.papers[own],
            asked=(len(here.prompts), here.images_per_prompt),
        )

    def _evaluation(self, point: Point, seeds: str) -> Evaluation:
        assert point.method is not None
        what = object_of(point.method)
        # The way of the command line, so that a row is the run that 'run' would make.
        typed_settings = [f"{key}={set_text(value)}" for key, value in point.settings.items()]
        options = dict(point.options)
        only, only_file = options.pop("only", ()), options.pop("only_file", None)
        ids = () if only_file is None else self.source.ids(only_file)
        limits = [one for one in (options.pop("limit", None), self.limit) if one is not None]
        images = options.pop("images_per_prompt", None)
        judge = options.pop("judge", None)
        return Evaluation(
            what,
            self.source.recipe.benchmark,
            parameters=assignments(typed_settings, parameters_of(what)),
            backbone=point.made_with,
            only=(*_split(only), *ids),
            limit=min(limits) if limits else None,
            images_per_prompt=self.images_per_prompt or images,
            seeds=seeds,
            judge=None if judge is None else judge[0] if len(judge) == 1 else judge,
            name=None if isinstance(what, MethodPlugin | Method) else point.name,
            **{key: value for key, value in options.items() if value is not None},
            **self.how,
        )


def set_text(value: Any) -> str:
    """A setting as it stands behind ``--set KEY=``."""
    return value if isinstance(value, str) else json.dumps(value)


def _split(only: Sequence[str]) -> tuple[str, ...]:
    """``left,right`` in one text, or each in its own."""
    return Selection.parse_only(only[0]) if len(only) == 1 else tuple(only)
