"""Pages of papers' tables made again: what ``reproduce --format json`` printed, to look at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from ..errors import UserError, typed
from ..files.documents import first_error, read_json
from ..files.shown_text import inert
from ..recipes.loading import shipped
from ..reports.charts.forest import forest
from ..reports.gallery.page import environment
from ..reports.marks import MARKS
from ..reports.tables import UNDEFINED, Measured

if TYPE_CHECKING:
    from markupsafe import Markup

Ends = tuple[FiniteFloat, FiniteFloat] | None
NOT_COMPARED = "other model"
UNTESTED = "not tested"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Value(_Part):
    """A metric of a row, in percent."""

    published: FiniteFloat | None = None
    published_interval: Ends = None
    measured: FiniteFloat | None = None
    interval: Ends = None
    spread: FiniteFloat | None = None
    undefined: str | None = None
    difference: FiniteFloat | None = None
    difference_interval: Ends = None
    verdict: str | None = None


class RunOfRow(_Part):
    """A run of a row."""

    folder: str
    images: int = 0


class RecipeRow(_Part):
    """A row of a paper's table."""

    name: str
    method: str | None = None
    backbone: str | None = None
    same_model: bool = True
    cannot: str | None = None
    differs: tuple[str, ...] = ()
    source: str = ""
    evidence: str = ""
    note: str = ""
    marks: tuple[str, ...] = ()
    runs: tuple[RunOfRow, ...] = ()
    metrics: dict[str, Value] = Field(default_factory=dict)


class Claim(_Part):
    """That one row beats another, in percentage points."""

    better: str
    worse: str
    metric: str
    published: FiniteFloat | None = None
    measured: FiniteFloat | None = None
    interval: Ends = None
    verdict: str | None = None
    why: str | None = None


class RecipeResult(_Part):
    """A document of ``reproduce --format json``."""

    recipe: str
    title: str
    source: str
    benchmark: str
    backbone: str | None = None
    margin: FiniteFloat
    differs: tuple[str, ...] = ()
    rows: tuple[RecipeRow, ...]
    claims: tuple[Claim, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def command(self) -> str | None:
        """What makes it again; None for a recipe of one's own, whose file nothing here names."""
        if self.recipe not in shipped():
            return None
        return typed("reproduce", self.recipe, *(("--backbone", b) if (b := self.backbone) else ()))

    @property
    def metrics(self) -> list[str]:
        """The metrics of any row, in order."""
        return list(dict.fromkeys(key for row in self.rows for key in row.metrics))

    @property
    def outcome(self) -> str:
        """``claims: 5 holds, 1 cannot tell; values: 3 agrees``."""
        values = Counter(
            value.verdict for row in self.rows for value in row.metrics.values() if value.verdict
        )
        claims = Counter(claim.verdict or UNTESTED for claim in self.claims)
        parts = [
            f"{what}: {', '.join(f'{count} {word}' for word, count in sorted(counts.items()))}"
            for what, counts in (("claims", claims), ("values", values))
            if counts
        ]
        return "; ".join(parts) or "nothing to compare"


@dataclass(frozen=True)
class RecipePage:
    """A page of a recipe: where it lies, seen from the site's folder, and what it is of."""

    href: str
    result: RecipeResult


def read_result(path: Path) -> RecipeResult:
    """Read a document that ``reproduce --format json`` printed.

    Raises:
        UserError: no such file, or another one.
    """
    how = "expected what 'spatialbench reproduce NAME --format json' prints"
    try:
        return RecipeResult.model_validate(read_json(path))
    except ValidationError as error:
        raise UserError(
            f"{path} is no result of a recipe ({first_error(error)}); {how}."
        ) from error
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise UserError(f"{path} cannot be read ({why}); {how}.") from error


def plots(result: RecipeResult) -> dict[str, Markup]:
    """For each metric the rows as points: measured ones filled, published ones hollow."""
    drawn = {}
    for key in result.metrics:
        rows = []
        others = []
        for row in result.rows:
            value = row.metrics.get(key)
            if value is None or (value.measured is None and value.published is None):
                continue
            low, high = value.interval or (nan, nan)
            bar = (nan if value.measured is None else value.measured, low, high)
            rows.append((row.name, bar, "" if value.measured is None else measured_cell(value)))
            others.append(nan if value.published is None else value.published)
        if rows:
            drawn[key] = forest(key, rows, result.title, others)
    return drawn


def measured_cell(value: Value) -> str:
    """``62.03 ± 0.41``, or a dash."""
    return _cell(value.measured, value.interval)


def recipe_html(
    result: RecipeResult,
    title: str,
    pages: Mapping[str, str],
    charts: Mapping[str, tuple[str, Markup]],
    forms: Sequence[str],
) -> str:
    """The page of a recipe.

    Args:
        title: of the site.
        pages: by the resolved folder of a run where its page lies, seen from the site's folder.
        charts: by metric the path of its files without ending, and the chart itself.
        forms: in which the charts lie as files.
    """
    used = dict.fromkeys(mark for row in result.rows for mark in row.marks if mark in MARKS)
    runs = {
        row.name: [
            pages[place]
            for place in (str(Path(run.folder).resolve()) for run in row.runs)
            if place in pages
        ]
        for row in result.rows
    }
    return rendered(
        "recipe.html",
        result=result,
        title=title,
        pages=runs,
        charts=charts,
        forms=forms,
        signs={mark: MARKS[mark][0] for mark in used},
        notes=[" ".join(MARKS[mark]) for mark in used],
        cell=_cell,
        difference=_difference,
        verdict=_verdict,
        untested=UNTESTED,
    )


def rendered(template: str, **values: Any) -> str:
    """A page of the site from its template, with no character that acts on a terminal."""
    page = environment("spatialbench.site", "spatialbench.reports.gallery").get_template(template)
    return inert(page.render(**values))


def _cell(value: float | None, ends: tuple[float, float] | None = None) -> str:
    return UNDEFINED if value is None else Measured(value, *(ends or (None, None)))


def _difference(value: float | None, ends: tuple[float, float] | None = None) -> str:
    return UNDEFINED if value is None else Measured(value, *(ends or (None, None)), difference=True)


def _verdict(row: RecipeRow, value: Value) -> str:
    if value.published is None:
        return "unpublished"
    if row.cannot is not None or value.measured is None:
        return "not made"
    if not row.same_model:
        return NOT_COMPARED
    return value.verdict or UNDEFINED
