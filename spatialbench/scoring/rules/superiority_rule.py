"""``pse/1``: the probability of superiority of the two best boxes, as a rule for any benchmark."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ...detections import Detections
from ...plugins import Verdict
from ...prompts import Triplet
from .any_benchmark import AnyBenchmarkRule, Masks, Seen, pair_facts
from .constraints import DEPTH
from .object_depth import Depth, values_of
from .relation_checks import Found, find
from .superiority import superiority, superiority_of_boxes


@dataclass(slots=True)
class SuperiorityRule(AnyBenchmarkRule):
    """PSE of the most confident box of either object.

    A verdict's ``score`` is the mean PSE over the prompt's relations, 0 for one whose object is
    missing; ``correct`` means that all are above one half. The facts are those of ``pair_facts``,
    and ``pse``, the score again.
    """

    def answer(self, triplets: Sequence[Triplet], seen: Seen) -> Verdict:
        """See the class."""
        # Kept as rows of the whole, so that masks stay in step.
        rows = np.flatnonzero(seen.detections.scores > np.float32(seen.threshold)).tolist()
        kept = None if seen.masks is None else [seen.masks[row] for row in rows]
        above = seen.detections.above(seen.threshold)
        pairs = [
            (find(t.subject, above, seen.stands_for), find(t.object, above, seen.stands_for))
            for t in triplets
        ]
        values = [
            _pse(triplet, *pair, above, seen.depth, kept)
            for triplet, pair in zip(triplets, pairs, strict=True)
        ]
        reasons = [
            _reason(triplet, *pair, value)
            for triplet, pair, value in zip(triplets, pairs, values, strict=True)
        ]
        return _verdict(pairs, values, "; ".join(reasons))

    def left_out(self, reason: str) -> Verdict:
        """See ``AnyBenchmarkRule.left_out``."""
        return _verdict([], [], reason)


def _pse(
    triplet: Triplet,
    a: Found,
    b: Found,
    detections: Detections,
    depth: Callable[[], Depth],
    masks: Masks | None,
) -> float:
    if not (len(a) and len(b)):
        return 0.0
    first, second = a.indices[0], b.indices[0]
    one, other = detections.boxes[first], detections.boxes[second]
    if triplet.relation not in DEPTH:
        return superiority_of_boxes(triplet.relation, one.tolist(), other.tolist())
    near = depth()
    mask_a, mask_b = (None, None) if masks is None else (masks[first], masks[second])
    pixels = values_of(near, one, [other], mask_a), values_of(near, other, [one], mask_b)
    return superiority(triplet.relation, *pixels) if all(p.size for p in pixels) else 0.0


def _reason(triplet: Triplet, a: Found, b: Found, value: float) -> str:
    expected = f"expected {a.name} {triplet.relation.adverb} {b.name}"
    missing = [one.name for one in (a, b) if not len(one)]
    if missing:
        return f"{expected}; no {' and no '.join(missing)} found"
    return f"{expected}; {a.name} ({a.best:.2f}) and {b.name} ({b.best:.2f}) found, PSE {value:.2f}"


def _verdict(pairs: Sequence[tuple[Found, Found]], values: Sequence[float], reason: str) -> Verdict:
    mean = sum(values) / max(len(values), 1)
    correct = bool(values) and all(value > 0.5 for value in values)
    return Verdict(correct, mean, reason, {**pair_facts(pairs), "pse": mean})
