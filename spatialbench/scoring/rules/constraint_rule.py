"""``esplora-r1/1`` and ``esplora-r2/1``: the geometric constraints as rules for any benchmark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...plugins import Verdict
from ...prompts import Triplet
from .any_benchmark import AnyBenchmarkRule, Seen, pair_facts
from .constraints import PREFERRED, Constraint
from .relation_checks import RelationCheck


@dataclass(slots=True)
class ConstraintRule(AnyBenchmarkRule):
    """Every relation a prompt asks for, held to one reading of ESPLoRA's constraints.

    A verdict's ``correct`` means that every relation holds strictly (for every pair of boxes);
    ``score`` is the share of relations that hold softly (for some pair). The facts are those of
    ``pair_facts``, and ``soft`` and ``strict``, both as shares of relations; 0 where an object is
    missing.
    """

    constraint: Constraint = PREFERRED

    def answer(self, triplets: Sequence[Triplet], seen: Seen) -> Verdict:
        """See the class."""
        checks = seen.checks(triplets, self.constraint)
        return self.verdict(checks, "; ".join(check.reason for check in checks))

    def left_out(self, reason: str) -> Verdict:
        """See ``AnyBenchmarkRule.left_out``."""
        return self.verdict([], reason)

    def verdict(self, checks: Sequence[RelationCheck], reason: str) -> Verdict:
        """The verdict on the checked relations; none where the image does not count."""
        relations = max(len(checks), 1)
        soft = sum(check.soft for check in checks) / relations
        strict = sum(check.strict for check in checks) / relations
        facts = pair_facts([(check.subject, check.object) for check in checks])
        correct = bool(checks) and strict == 1.0
        return Verdict(correct, soft, reason, {**facts, "soft": soft, "strict": strict})
