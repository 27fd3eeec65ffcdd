"""ESPLoRA's geometric constraints on boxes, in the two readings that fit its one sentence on tau.

RECONSTRUCTION: the equations of ESPLoRA (arXiv 2504.13745, section 3.1) could not be had, and no
code was released. Known is that one threshold tau = 3 "controls strictness". Both readings below
fit; neither may be called the paper's own.

``r1``, the overlap form: A is left of B if its centre is further left and the two overlap in x by
at most 1/tau of the narrower one (a diagonal satisfies both axes). 1/3 is also where CoMPaSS's
released data filter cuts.

``r2``, the offset form: the centres lie at least 1/tau of the wider one apart in x, and at most one
height of the taller one apart in y.

A larger tau makes r1 stricter and r2 looser, so a tau means nothing without its form.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from ...errors import UserError, unknown_name
from ...relations import Relation
from .box_pairs import AxisPairs, BoolArray, axis_pairs

Form = Literal["r1", "r2"]

FORMS: Mapping[str, str] = {
    "r1": "overlap form: little overlap along the relation's axis",
    "r2": "offset form: centres far apart along the axis, close across it",
}
TAU = 3.0
"""ESPLoRA's value, "set empirically"."""

DEPTH_MARGIN = 0.05
"""How much nearer one object must be, in units of the image's depth range (0 to 1); ours."""

PLANE = frozenset((Relation.LEFT, Relation.RIGHT, Relation.ABOVE, Relation.BELOW))
DEPTH = frozenset((Relation.IN_FRONT, Relation.BEHIND))
JUDGED = PLANE | DEPTH
"""The relations the constraints speak of; ``near`` is not among them."""

_SWAPPED = frozenset((Relation.RIGHT, Relation.BELOW, Relation.BEHIND))


class Constraint(NamedTuple):
    """A reading and its settings: form, tau (above 0), depth margin (0 to 1)."""

    form: Form = "r1"
    tau: float = TAU
    margin: float = DEPTH_MARGIN

    def checked(self) -> Constraint:
        """The same, or UserError for an unknown form or a value out of range."""
        if self.form not in FORMS:
            raise unknown_name("form of the constraints", self.form, FORMS)
        if not (np.isfinite(self.tau) and self.tau > 0):
            raise UserError(f"tau={self.tau:g} is out of range: give a number above 0 (paper: 3).")
        if not 0 <= self.margin < 1:
            raise UserError(
                f"margin={self.margin:g} is out of range: give a share of the depth range, from 0 "
                f"to less than 1 (default {DEPTH_MARGIN:g})."
            )
        return self


PREFERRED = Constraint()
"""The overlap form with the paper's tau: the reading that has more to say for it."""


def plane_holds(
    relation: Relation, a: npt.ArrayLike, b: npt.ArrayLike, constraint: Constraint = PREFERRED
) -> BoolArray:
    """Which pairs of boxes satisfy left, right, above or below.

    Args:
        relation: of a box of ``a`` to a box of ``b``.
        a: (n, 4), corners x0, y0, x1, y1 in pixels, y down.
        b: (m, 4), likewise.

    Returns:
        bool, (n, m). ``right`` and ``below`` are ``left`` and ``above`` with the boxes exchanged.

    Raises:
        ValueError: a relation outside the plane, malformed boxes.
    """
    if relation not in PLANE:
        raise ValueError(f"{relation} is not a relation in the plane")
    if relation in _SWAPPED:
        return plane_holds(relation.inverse, b, a, constraint).T
    axis = 0 if relation.axis == "x" else 1
    along = axis_pairs(a, b, axis)
    if constraint.form == "r1":
        return _overlap_form(along, constraint.tau)
    return _offset_form(along, axis_pairs(a, b, 1 - axis), constraint.tau)


def depth_holds(
    relation: Relation, a: npt.ArrayLike, b: npt.ArrayLike, margin: float = DEPTH_MARGIN
) -> BoolArray:
    """Which pairs of objects satisfy in front of, or behind.

    Args:
        relation: of an object of ``a`` to one of ``b``.
        a: (n,), nearness of each object in 0 to 1, larger is nearer; NaN where it is not known.
        b: (m,), likewise.
        margin: the difference that must be exceeded.

    Returns:
        bool, (n, m); an unknown nearness satisfies nothing.

    Raises:
        ValueError: a relation that is not one of depth.
    """
    if relation not in DEPTH:
        raise ValueError(f"{relation} is not a relation of depth")
    if relation in _SWAPPED:
        return depth_holds(relation.inverse, b, a, margin).T
    first = np.asarray(a, dtype=np.float64).reshape(-1, 1)
    second = np.asarray(b, dtype=np.float64).reshape(1, -1)
    holds: BoolArray = first > second + margin
    return holds


def soft(holds: BoolArray) -> bool:
    """Whether some pair satisfies the relation; False where an object is missing."""
    return bool(holds.any())


def strict(holds: BoolArray) -> bool:
    """Whether every pair does, so that no copy stands elsewhere; False for a missing object."""
    return bool(holds.size and holds.all())


def _overlap_form(along: AxisPairs, tau: float) -> BoolArray:
    holds: BoolArray = (along.offset > 0) & (along.overlap <= 1 / tau)
    return holds


def _offset_form(along: AxisPairs, across: AxisPairs, tau: float) -> BoolArray:
    apart = (along.offset > 0) & (along.offset >= along.larger / tau)
    holds: BoolArray = apart & (np.abs(across.offset) <= across.larger)
    return holds
