"""``geneval2-geometry/1``: the position atoms of GenEval 2 from boxes and depth. Ours.

A relation of GenEval 2 is one of groups: "three dogs to the left of a cat". The group is the best
boxes of the object's name, as many as the prompt asks for, each another object than those before
it; the relation holds where every box of the one group stands so to every box of the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from spatialbench.errors import UserError
from spatialbench.plugins import Metric, Parameter, ScoreTable, Verdict
from spatialbench.plugins.rule_plugin import shares
from spatialbench.prompts import Prompt, Triplet
from spatialbench.scoring.rules.any_benchmark import AnyBenchmarkRule, Seen, pair_facts
from spatialbench.scoring.rules.box_pairs import distinct
from spatialbench.scoring.rules.catalogue import GeometryPlugin
from spatialbench.scoring.rules.constraints import DEPTH_MARGIN, PREFERRED, TAU, Constraint
from spatialbench.scoring.rules.relation_checks import RelationCheck
from spatialbench.statistics.ratios import MeanOfRatios, Ratio

from .positions import RELATIONS

THRESHOLD = 0.1
"""Score above which a box counts: what VISOR asks of OWL-ViT."""

OVERLAP = 0.5
"""Intersection over union from which two boxes of one name are the same object."""

_KEYS = {relation: words.removeprefix("to the ").replace(" ", "_")
         for words, relation in RELATIONS.items()}  # fmt: skip
"""What a relation's metric is called: ``left_of``, ``on_top_of``, ``under``."""


@dataclass(slots=True)
class PositionRule(AnyBenchmarkRule):
    """Every position atom of a prompt, by the constraints on boxes and on depth.

    A verdict's ``score`` is the share of atoms that hold, ``correct`` means that all do. An object
    that is not found makes its atoms wrong. The facts are those of ``pair_facts`` and how many
    atoms there are (``positions``), hold (``held``), hold for some pair of boxes (``some``) and
    have both objects (``both``); for each relation ``asked_<relation>`` and ``held_<relation>``.

    Attributes:
        constraint: reading and settings; see ``spatialbench.scoring.rules.constraints``.
        overlap: intersection over union above which the lesser of two boxes of one name is
            dropped; 1 drops none.
    """

    constraint: Constraint = PREFERRED
    overlap: float = OVERLAP

    def answer(self, triplets: Sequence[Triplet], seen: Seen) -> Verdict:
        """See the class."""
        checks = seen.checks(triplets, self.constraint)
        return _verdict(checks, "; ".join(check.reason for check in checks))

    def left_out(self, reason: str) -> Verdict:
        """See ``AnyBenchmarkRule.left_out``."""
        return _verdict([], reason)

    def _judged(self, prompt: Prompt, seen: Seen) -> Verdict:
        """Judge the groups.

        Raises:
            UserError: a prompt that is none of GenEval 2, or a question of another form.
        """
        sizes = prompt.facts.get("group_sizes")
        if sizes is None:
            raise UserError(
                f"{self.name} judges the prompts of GenEval 2 and those of files of its form, and "
                f"{prompt.text!r} is none of them: give another --rule."
            )
        if unread := prompt.facts["unread_positions"]:
            raise UserError(
                f"{self.name} cannot read {unread[0]!r} of {prompt.text!r}: expected 'Is the X "
                f"RELATION the Y?' with one of {', '.join(RELATIONS)}, and a question 'How many Xs "
                "are in the image?' about each object."
            )
        return AnyBenchmarkRule._judged(self, prompt, self._groups(sizes, seen))

    def _groups(self, sizes: Mapping[str, int], seen: Seen) -> Seen:
        """What was seen, with the boxes of the groups alone."""
        found = seen.detections
        rows: list[int] = []
        for name, number in sizes.items():
            own = [
                row
                for row in np.flatnonzero(found.scores > np.float32(seen.threshold)).tolist()
                if seen.stands_for(found.labels[row], name)
            ]
            own.sort(key=lambda row: -float(found.scores[row]))
            rows += distinct(found.boxes, own, self.overlap, number)
        kept = type(found).build(
            found.boxes[rows],
            found.scores[rows],
            [found.labels[row] for row in rows],
            found.width,
            found.height,
        )
        masks = None if seen.masks is None else [seen.masks[row] for row in rows]
        return Seen(kept, seen.threshold, seen.stands_for, seen.depth, masks)


def _verdict(checks: Sequence[RelationCheck], reason: str) -> Verdict:
    held = sum(check.strict for check in checks)
    facts: dict[str, bool | int | float] = {
        **pair_facts([(check.subject, check.object) for check in checks]),
        "positions": len(checks),
        "held": held,
        "some": sum(check.soft for check in checks),
        "both": sum(check.found for check in checks),
    }
    for relation, key in _KEYS.items():
        own = [check for check in checks if check.triplet.relation is relation]
        facts |= {f"asked_{key}": len(own), f"held_{key}": sum(check.strict for check in own)}
    correct = bool(checks) and held == len(checks)
    return Verdict(correct, held / max(len(checks), 1), reason, facts)


def _pooled(
    key: str, help: str, fact: str, of: str, nothing: str, *, headline: bool = True
) -> Metric:
    """The sum of a fact over that of another, over all images that are judged, in percent."""

    def ratio(table: ScoreTable) -> MeanOfRatios:
        return MeanOfRatios((Ratio(table.sums(fact), table.sums(of)),))

    def undefined(table: ScoreTable) -> str | None:
        return None if table.sums(of).any() else nothing

    return Metric(key, help, ratio, headline=headline, undefined=undefined)


_NONE = "no prompt asks for a position"

METRICS = (
    *shares("", {}),
    _pooled("positions_held", "position atoms that hold", "held", "positions", _NONE),
    _pooled(
        "positions_cond",
        "the same of those whose two objects were found",
        "held",
        "both",
        "no image shows both objects of a position",
    ),
    _pooled("all_held", "images in which every position holds", "correct", "judged", _NONE),
    *(
        _pooled(
            key,
            f"atoms 'X {words} Y' that hold",
            f"held_{key}",
            f"asked_{key}",
            f"no prompt asks for {words!r}",
        )
        for words, key in zip(RELATIONS, _KEYS.values(), strict=True)
    ),
    _pooled(
        "some_pair",
        "position atoms that hold for some pair of boxes",
        "some",
        "positions",
        _NONE,
        headline=False,
    ),
)


def _rule(
    name: str, threshold: float, meaning: Callable[..., Any], options: Mapping[str, Any]
) -> PositionRule:
    """The rule with these options. Raises UserError for a value out of range."""
    overlap = float(options["overlap"])
    if not 0 < overlap <= 1:
        raise UserError(
            f"overlap={overlap:g} is out of range: give a number above 0 and up to 1 (1 drops no "
            "box)."
        )
    constraint = Constraint(
        PREFERRED.form, float(options["tau"]), float(options["margin"])
    ).checked()
    return PositionRule(name, threshold, meaning, constraint=constraint, overlap=overlap)


PLUGIN = GeometryPlugin(
    "geneval2-geometry",
    "GenEval 2's position atoms from boxes and depth (ours)",
    METRICS,
    _rule,
    {
        "tau": Parameter(TAU, "strictness in the plane, above 0"),
        "margin": Parameter(DEPTH_MARGIN, "how much nearer, as a share of the depth range"),
        "overlap": Parameter(OVERLAP, "overlap from which two boxes are one object; 1 for never"),
    },
    remark=(
        "is a rule of this project and no number of GenEval 2's authors: it judges positions "
        "alone, by boxes and depth; compare it only with itself"
    ),
    judges="the prompts of GenEval 2",
    threshold=THRESHOLD,
    marks=("own-rule",),
)
