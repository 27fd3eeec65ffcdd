"""From the rows of a recipe to what is made: sweeps written out, defaults and names filled in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..errors import UserError
from ..lab import LAB_BACKBONES
from ..runs.seeds import SeedScheme
from .format import About, At, Recipe, Row, Settings
from .sweeps import LARGEST, SWEPT, changed, matches, name_of, points_of, refuse_twins, swept
from .values import Scalar, Value

OF_THE_MODEL = (
    *("steps", "guidance_scale", "scheduler", "width", "height", "dtype"),
    *("detector", "judge", "depth"),
)
"""What is the paper's for its own models, and the lab's own for the lab."""


@dataclass(frozen=True)
class Point:
    """One row of the table.

    Attributes:
        name: unique in the recipe.
        method: None where nobody can make the row.
        backbone: as the paper has it; None for the default.
        settings: parameters of the method.
        options: further options of ``run``, by their names with ``_`` for ``-``.
        seeds: a run for each of these seed schemes.
        published: by metric, in percent, with the paper's interval where it gives one.
        rounding: by metric, in percentage points: half a unit of the last printed digit.
        unit: what its values are printed in, where the file says so.
        about: source, evidence, note and marks of what was published, and the digits after the
            point that the file states.
        differs: sentences on what differs from the paper's protocol.
        cannot: why nobody can make it, or None.
        instead: the backbone that it is made with instead of the paper's, or None.
        own: the paper's options that the other backbone does not take over.
    """

    name: str
    method: str | None
    backbone: str | None
    settings: Mapping[str, Scalar]
    options: Mapping[str, Any]
    seeds: tuple[str, ...]
    published: Mapping[str, Value]
    rounding: Mapping[str, float]
    unit: str | None
    about: Mapping[str, Any]
    differs: tuple[str, ...]
    cannot: str | None = None
    instead: str | None = None
    own: Mapping[str, Any] = field(default_factory=dict)

    @property
    def made_with(self) -> str | None:
        """The backbone that it is made with here; None for the default."""
        return self.instead or self.backbone


def points(recipe: Recipe, whose: str = "the recipe", backbone: str | None = None) -> list[Point]:
    """Every row of the table, in order.

    Args:
        recipe: as its file says.
        whose: its file, for errors.
        backbone: what all rows are made with instead of the paper's. Rows of another one then
            take their ``with_backbone`` of that name; for the lab they leave out ``OF_THE_MODEL``.

    Raises:
        UserError: two rows with one name, a name with a key that is not swept, a published value
            of no row or of several, one seed scheme twice, more rows than anybody can look at.
    """
    found: list[Point] = []
    printed = _decimals(recipe)
    for row in recipe.rows:
        found += _expanded(recipe, row, f"{whose}, row {row.name!r}", backbone, printed)
        if len(found) > LARGEST:
            raise UserError(
                f"{whose}: its sweeps make more than {LARGEST:,} rows: give fewer values, or "
                "several recipes."
            )
    hint = "; what a sweep goes over can stand in it, as in 'alpha {alpha}'"
    refuse_twins((point.name for point in found), whose, hint)
    return found


def _expanded(
    recipe: Recipe, row: Row, whose: str, backbone: str | None, printed: Mapping[str, int]
) -> list[Point]:
    values = swept(recipe.defaults, row)
    kept = points_of(row, values, whose)
    told = _placed(row, kept, whose)
    several = {key for key, listed in values.items() if len(listed) > 1}
    found = []
    for place, point in enumerate(kept):
        paper = point.get("backbone")
        instead = None if backbone in (None, paper) else backbone
        made = _settings(recipe, row, point, values, instead, whose)
        settings, options = made.settings, made.options
        method, cannot = options.pop("method", None), options.pop("cannot", None)
        if method is None and cannot is None:
            raise UserError(
                f"{whose}: it has no method. Give one, or say with 'cannot: ...' why nobody can "
                "make this row."
            )
        options.pop("backbone", None)
        found.append(
            Point(
                name_of(row.name, point, several, whose),
                method,
                None if paper is None else str(paper),
                settings,
                options,
                _seeds(options.pop("seeds", None) or ("protocol",), whose),
                cannot=cannot,
                instead=instead,
                own=made.left_out,
                **_published(recipe, row, told.get(place), printed),
            )
        )
    return found


def _seeds(texts: Sequence[str], whose: str) -> tuple[str, ...]:
    """The seed schemes of a row, each known and none twice: a run has no spread with itself."""
    found: dict[SeedScheme, str] = {}
    for text in texts:
        try:
            scheme = SeedScheme.parse(text)
        except UserError as error:
            raise UserError(f"{whose}: {error}") from error
        if not scheme.known:
            raise UserError(
                f"{whose}, seeds: nothing can be made from seeds that are unknown: give protocol "
                "or hashed, or leave them out."
            )
        if scheme in found:
            raise UserError(
                f"{whose}, seeds: {found[scheme]!r} and {text!r} are the same seeds, and a run has "
                "no spread with itself: give each scheme once."
            )
        found[scheme] = text
    return tuple(texts)


def _published(
    recipe: Recipe, row: Row, told: At | None, printed: Mapping[str, int]
) -> dict[str, Any]:
    """What a point has of what was published, as fields of ``Point``."""
    said: list[About] = [row] if told is None else [told, row]
    values = {} if told is None else told.values
    unit = _first(*(one.unit for one in said), recipe.unit)
    decimals = _first(*(one.decimals for one in said), recipe.decimals)
    scale = 100.0 if unit == "share" else 1.0
    return {
        "published": {key: _scaled(value, scale) for key, value in values.items()},
        "rounding": {
            key: scale * 0.5 * 10.0 ** -(printed[key] if decimals is None else decimals)
            for key in values
        },
        "unit": unit,
        "about": {
            "source": _first(*(one.source for one in said), recipe.source),
            "evidence": _first(*(one.evidence for one in said), recipe.evidence),
            "note": _first(*(one.note for one in said), ""),
            "marks": tuple(dict.fromkeys(mark for one in said for mark in one.marks)),
            "decimals": decimals,
        },
        "differs": tuple(sentence for one in reversed(said) for sentence in one.differs),
    }


class _Made(NamedTuple):
    """Parameters and options of a point, and the paper's options that it leaves out."""

    settings: dict[str, Scalar]
    options: dict[str, Any]
    left_out: dict[str, Any]


def _settings(
    recipe: Recipe,
    row: Row,
    point: Mapping[str, Scalar],
    swept_values: Mapping[str, Sequence[Scalar]],
    instead: str | None,
    whose: str,
) -> _Made:
    """The parameters and the options of a point, as they are with another backbone if one is."""
    options = {**recipe.defaults.given, **row.given}
    options = {key: value for key, value in options.items() if key in Settings.model_fields}
    options |= {key: point[key] for key in SWEPT if key in point}
    settings = {key: point[key] for key in {**recipe.defaults.set, **row.set}}
    left_out: dict[str, Any] = {}
    if instead is None:
        return _Made(settings, options, left_out)
    if instead in LAB_BACKBONES:
        left_out = {key: options.pop(key) for key in OF_THE_MODEL if key in options}
    for changes in (recipe.with_backbone.get(instead), row.with_backbone.get(instead)):
        if changes is None:
            continue
        for key, values in changes.set.items():
            if values == (None,):
                settings.pop(key, None)
            else:
                settings[key] = changed(key, values, point, swept_values, whose)
        for key, value in changes.given.items():
            options[key] = (
                changed(key, value, point, swept_values, whose) if key in SWEPT else value
            )
    return _Made(settings, options, left_out)


def _placed(row: Row, kept: Sequence[Mapping[str, Scalar]], whose: str) -> dict[int, At]:
    """What was published of each point, by its place."""
    found: dict[int, At] = {}
    for told in row.published:
        places = [place for place, point in enumerate(kept) if matches(told.at, point)]
        shown = ", ".join(f"{key}={value}" for key, value in told.at.items()) or "no key"
        if len(places) != 1 or places[0] in found:
            what = "none" if not places else "several" if len(places) > 1 else "one a second time"
            raise UserError(
                f"{whose}: published values at {shown} are of {what} of its {len(kept)} points: "
                "'at' must name exactly one point of the sweep."
            )
        found[places[0]] = told
    return found


def _scaled(value: Value, scale: float) -> Value:
    if scale == 1:
        return value
    low, high = (None if end is None else end * scale for end in (value.low, value.high))
    return Value.model_construct(
        value=value.value * scale, low=low, high=high, decimals=value.decimals
    )


def _decimals(recipe: Recipe) -> dict[str, int]:
    """By metric the most digits after the point that any value shows: 63.20 reads as 63.2."""
    found: dict[str, int] = {}
    for row in recipe.rows:
        for told in row.published:
            for key, value in told.values.items():
                found[key] = max(found.get(key, 0), value.decimals)
    return found


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)
