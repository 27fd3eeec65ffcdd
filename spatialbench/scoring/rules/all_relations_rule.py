"""All relations of a prompt at once: the mean over them, and whether all hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from ...plugins import Verdict
from .box_pairs import BoolArray
from .constraint_rule import ConstraintRule
from .relation_checks import RelationCheck

OVER_ALL: Mapping[str, str] = {"soft": "soft", "strict": "strict", "alone": "alone"}
"""The facts that metrics are made of; see ``AllRelationsRule``."""

Name = tuple[str, bool]
"""A name of an object, and whether it is the second one of a relation of two of that name."""


@dataclass(slots=True)
class AllRelationsRule(ConstraintRule):
    """Soft is the mean over a prompt's relations, strict is all of them.

    The facts are those of ``pair_facts``, and ``soft``, the share of the relations that hold for
    some pair of boxes; ``strict``, whether one choice of a box for each object satisfies all of
    them; ``alone``, whether every choice does, so that no copy of an object stands elsewhere. A
    verdict's ``correct`` is ``strict`` and its ``score`` ``soft``. For one relation ``soft`` and
    ``strict`` are one number.
    """

    def verdict(self, checks: Sequence[RelationCheck], reason: str) -> Verdict:
        """See ``ConstraintRule.verdict``."""
        plain = ConstraintRule.verdict(self, checks, reason)
        strict = bool(checks) and hold_together(checks)
        facts = {**plain.facts, "strict": float(strict), "alone": float(plain.correct)}
        return Verdict(strict, plain.score, reason, facts)


def hold_together(checks: Sequence[RelationCheck]) -> bool:
    """Whether one choice of a box for each object satisfies every relation.

    A dog that is left of the cat and another one that is above the bench do not make one that is
    both.
    """
    sizes: dict[Name, int] = {}
    pairs: dict[tuple[Name, Name], BoolArray] = {}
    for check in checks:
        a: Name = (check.subject.name, False)
        b: Name = (check.object.name, check.object.name == check.subject.name)
        sizes[a], sizes[b] = check.holds.shape
        key, holds = ((a, b), check.holds) if (b, a) not in pairs else ((b, a), check.holds.T)
        pairs[key] = pairs[key] & holds if key in pairs else holds
    allowed = {name: np.ones(size, dtype=bool) for name, size in sizes.items()}
    # An object of one relation alone leaves to the other object the boxes that have a partner.
    while leaf := next((n for n in allowed if sum(n in key for key in pairs) == 1), None):
        key = next(key for key in pairs if leaf in key)
        holds = pairs.pop(key) if key[1] == leaf else pairs.pop(key).T
        other = key[0] if key[1] == leaf else key[1]
        allowed[other] &= (holds & allowed.pop(leaf)).any(axis=1)
    if not all(boxes.any() for boxes in allowed.values()):
        return False
    # Relations in a ring are left: every choice is tried.
    names = [name for name in allowed if any(name in key for key in pairs)]
    choices = product(*(np.flatnonzero(allowed[name]).tolist() for name in names))
    return any(
        all(holds[chosen[a], chosen[b]] for (a, b), holds in pairs.items())
        for chosen in (dict(zip(names, choice, strict=True)) for choice in choices)
    )
