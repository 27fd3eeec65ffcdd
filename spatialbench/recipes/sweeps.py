"""Sweeps: a list in a row stands for several rows, one for each value, and lists multiply."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from math import prod

from ..errors import UserError, unknown_name
from .format import Row, Settings
from .values import Scalar, no_name

SWEPT = ("method", "backbone", "steps", "guidance_scale", "scheduler", "prompt_transform")
"""Keys whose lists are sweeps, beside those of ``set``."""
LARGEST = 2000
"""Rows of one recipe, sweeps written out."""
_COMBINED = 100_000
"""Combinations that are looked at for one row, those that are left out among them."""
Swept = Mapping[str, Scalar]
"""A point of a sweep: the value of every key."""


def swept(defaults: Settings, row: Row) -> dict[str, tuple[Scalar, ...]]:
    """The values of every key that can be swept, by key, in the order of the file."""
    found: dict[str, tuple[Scalar, ...]] = {}
    for key in SWEPT:
        values = row.given.get(key, defaults.given.get(key))
        if values is not None:
            found[key] = values
    return {**found, **defaults.set, **row.set}


def points_of(row: Row, values: Mapping[str, Sequence[Scalar]], whose: str) -> list[Swept]:
    """The points of a sweep: every combination but those that are left out.

    Raises:
        UserError: a key in ``leave_out`` that is not swept, or values that are no point; no point
            at all; or more than anybody can look at.
    """
    unknown = [key for point in row.leave_out for key in point if key not in values]
    if unknown:
        raise UserError(f"{whose}, leave_out: {unknown_name('swept key', unknown[0], values)}")
    # Counted first: a few lists multiply to more than any memory holds.
    many = UserError(
        f"{whose}: its sweeps make more than {LARGEST:,} rows: give fewer values, or several "
        "recipes."
    )
    if prod(map(len, values.values())) > _COMBINED:
        raise many
    combined = itertools.product(*values.values())
    product: list[Swept] = [dict(zip(values, one, strict=True)) for one in combined]
    for out in row.leave_out:
        if not any(matches(out, one) for one in product):
            told = ", ".join(f"{key}={shown(value)}" for key, value in out.items())
            raise UserError(
                f"{whose}, leave_out: {told} is no point of the sweep: correct the value, or "
                "remove the entry."
            )
    kept = [one for one in product if not any(matches(out, one) for out in row.leave_out)]
    if not kept:
        raise UserError(f"{whose}: leave_out leaves no point of the sweep: leave fewer out.")
    if len(kept) > LARGEST:
        raise many
    return kept


def changed(
    key: str,
    values: Sequence[Scalar],
    point: Mapping[str, Scalar],
    swept: Mapping[str, Sequence[Scalar]],
    whose: str,
) -> Scalar:
    """One value for all, or of as many as the sweep has the one in the same place."""
    if len(values) == 1:
        return values[0]
    before = swept.get(key, ())
    if len(values) != len(before):
        raise UserError(
            f"{whose}, with_backbone: {key} has {len(values)} values, where the row has "
            f"{len(before)}: give one value, or as many."
        )
    return values[list(before).index(point[key])]


def matches(asked: Mapping[str, Scalar], point: Mapping[str, Scalar]) -> bool:
    """Whether a point has these values; 1 and 1.0 are the same, 1 and true are not."""
    return all(
        key in point
        and point[key] == value
        and isinstance(point[key], bool) == isinstance(value, bool)
        for key, value in asked.items()
    )


_KEY = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")
"""A key between braces; two braces stand for one."""


def name_of(name: str, point: Mapping[str, Scalar], several: Iterable[str], whose: str) -> str:
    """The name with the values of the sweep in it."""
    named = {found[1] for found in _KEY.finditer(name) if found[1] is not None}
    for key in named:
        if key not in point:
            error = unknown_name("key in its name", key, point)
            raise UserError(f"{whose}: {error} Two braces, '{{{{', stand for one.")
    text = _KEY.sub(lambda found: found[0][0] if found[1] is None else shown(point[found[1]]), name)
    rest = [f"{key}={shown(point[key])}" for key in point if key in set(several) - named]
    made = " ".join([text, *rest])
    if wrong := no_name(made):
        raise UserError(f"{whose}: the name {made[:80]!r} of one of its rows is no name: {wrong}.")
    return made


def refuse_twins(names: Iterable[str], whose: str, hint: str = "") -> None:
    """Refuse two rows of one name, also where only case, spaces or normal form tell them apart.

    A reader could not tell them apart, and ``--rows`` does not.

    Raises:
        UserError: names both.
    """
    seen: dict[str, str] = {}
    for name in names:
        spelt = unicodedata.normalize("NFKC", " ".join(name.split())).casefold()
        spelt = unicodedata.normalize("NFKC", spelt)
        if spelt not in seen:
            seen[spelt] = name
            continue
        other = seen[spelt]
        if other == name:
            raise UserError(f"{whose}: two rows are called {name!r}: give each its own name{hint}.")
        raise UserError(
            f"{whose}: the names of two rows look alike, {other!a} and {name!a}: let more than "
            "case, spaces or the encoding of a character tell them apart."
        )


def shown(value: Scalar) -> str:
    """A setting as it is typed."""
    if isinstance(value, bool):
        return str(value).lower()
    return "null" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
