"""What a recipe says, held to the benchmark that it is of: metrics, identities, claims."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..backbones.named import is_word, names
from ..errors import UserError, unknown_name
from ..plugins import Benchmark, Metric, Published
from ..reports.published import INCONSISTENT, PRINTED, PublishedRow, check_row, contradictions
from ..scoring.rules.catalogue import families
from .format import Recipe
from .rows import Point


@dataclass(frozen=True, slots=True)
class ClaimOf:
    """That one row is better than another one by a metric.

    Attributes:
        better: the name of the row that is said to be the better one.
        worse: that of the other.
        metric: its key.
        stated: whether the recipe says so itself; else it follows from the published values.
    """

    better: str
    worse: str
    metric: str
    stated: bool


def metrics_known(benchmark: Benchmark) -> dict[str, Metric]:
    """Every metric that a table of this benchmark can have, under any rule, by its key."""
    several = [*benchmark.metrics, *(metric for rule in families() for metric in rule.metrics)]
    found: dict[str, Metric] = {}
    for metric in several:
        found.setdefault(metric.key, metric)
    return found


def columns(recipe: Recipe, points: Sequence[Point], benchmark: Benchmark) -> list[str]:
    """The keys of the table's columns: those the recipe names, else those that are published."""
    if recipe.metrics:
        return list(recipe.metrics)
    known = metrics_known(benchmark)
    printed = {key for point in points for key in point.published}
    found = [key for key in known if key in printed]
    return found or [metric.key for metric in benchmark.metrics if metric.headline]


def check(recipe: Recipe, points: Sequence[Point], benchmark: Benchmark, whose: str) -> None:
    """Refuse a recipe that contradicts itself or its benchmark.

    Args:
        whose: its file, for errors.

    Raises:
        UserError: an unknown metric or backbone, a metric twice, a value that is no percentage,
            published values that break an identity of the benchmark without being marked for it,
            a claim about an unknown row or of a row about itself.
    """
    known = metrics_known(benchmark)
    if twice := [key for key in known if recipe.metrics.count(key) > 1]:
        raise UserError(f"{whose}, metrics: {twice[0]!r} stands there twice: give it once.")
    _check_backbones(recipe, points, whose)
    for key in (*recipe.metrics, *((recipe.ranked_by,) if recipe.ranked_by else ())):
        if key not in known:
            raise UserError(f"{whose}: {unknown_name('metric', key, known)}")
    for point in points:
        _check_published(point, recipe, benchmark, whose, set(known))
    names = [point.name for point in points]
    for claim in recipe.claims or ():
        for name in (claim.row, *claim.beats):
            if name not in names:
                raise UserError(f"{whose}, claims: {unknown_name('row', name, names)}")
        for key in claim.metric or ():
            if key not in known:
                raise UserError(f"{whose}, claims: {unknown_name('metric', key, known)}")
        if claim.row in claim.beats:
            raise UserError(f"{whose}, claims: {claim.row!r} cannot beat itself.")


def _check_backbones(recipe: Recipe, points: Sequence[Point], whose: str) -> None:
    """What ``with_backbone`` says of a name that nobody knows would never be read."""
    known = {*names(), *(point.backbone for point in points if point.backbone)}
    asked = [(whose, recipe.with_backbone)]
    asked += [(f"{whose}, row {row.name!r}", row.with_backbone) for row in recipe.rows]
    for place, changes in asked:
        for name in changes:
            if name not in known and is_word(name):
                raise UserError(f"{place}, with_backbone: {unknown_name('backbone', name, known)}")


def _check_published(
    point: Point, recipe: Recipe, benchmark: Benchmark, whose: str, known: set[str]
) -> None:
    if not point.published:
        return
    values = {key: value.value for key, value in point.published.items()}
    base = point.backbone or "its backbone"
    row = PublishedRow(
        method=point.name,
        base=base,
        metrics=values,
        source=recipe.source,
        evidence="P",
        unit=None if point.unit is None else "percent",
    )
    check_row(row, whose, known)
    if INCONSISTENT in point.about["marks"]:
        return
    printed = Published(point.name, base, values, recipe.source, "P")
    stated = point.about["decimals"] is not None
    rounding = max(PRINTED, *point.rounding.values()) if stated else PRINTED
    broken = contradictions([printed], benchmark, rounding)
    if broken:
        raise UserError(
            f"{whose}: {'; '.join(broken)}; correct the values, or give the row "
            f"'marks: [{INCONSISTENT}]' if the paper prints them so, or 'decimals: 1' if it prints "
            "one digit behind the point."
        )


def claims_of(
    recipe: Recipe, points: Sequence[Point], metrics: Mapping[str, Metric], ranked_by: str
) -> list[ClaimOf]:
    """What the recipe claims, or what its published values do where it states nothing.

    Among the rows of one backbone the best published one beats every other, and every other stands
    to the first, the baseline, as published. Values that rounding cannot tell apart claim nothing.
    """
    if recipe.claims is not None:
        stated = (
            ClaimOf(claim.row, worse, key, True)
            for claim in recipe.claims
            for worse in claim.beats
            for key in claim.metric or (ranked_by,)
        )
        return list(dict.fromkeys(stated))
    found: dict[ClaimOf, None] = {}
    sign = 1 if metrics[ranked_by].larger_is_better else -1
    for backbone in dict.fromkeys(point.backbone for point in points):
        rows = [p for p in points if p.backbone == backbone and ranked_by in p.published]
        if len(rows) < 2:
            continue
        best = max(rows, key=lambda point: sign * point.published[ranked_by].value)
        for one, other in [(best, row) for row in rows] + [(row, rows[0]) for row in rows]:
            gain = sign * (one.published[ranked_by].value - other.published[ranked_by].value)
            if abs(gain) <= one.rounding[ranked_by] + other.rounding[ranked_by]:
                continue
            better, worse = (one, other) if gain > 0 else (other, one)
            found[ClaimOf(better.name, worse.name, ranked_by, False)] = None
    return list(found)
