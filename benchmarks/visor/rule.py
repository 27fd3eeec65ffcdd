"""``visor-centroid/1``: is any box of A on the asked side of any box of B, by their centres?

Source: the record-making function of microsoft/VISOR @ b9e368b, the only released code for it.
Every box above the threshold counts: no best box, no suppression of duplicates, no minimum
distance, and the other axis is ignored. Two dogs with a cat between them are therefore both left
and right of it.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain
from math import isfinite
from typing import NamedTuple

from spatialbench.detections import Detections
from spatialbench.plugins import Rule, Verdict
from spatialbench.plugins.evidence import Evidence
from spatialbench.prompts import Prompt
from spatialbench.relations import Relation

_LEFT, _RIGHT = Relation.LEFT.value, Relation.RIGHT.value
_ABOVE, _BELOW = Relation.ABOVE.value, Relation.BELOW.value

# The task, whether the axis is y, whether the subject's coordinate must be the smaller one, the
# words for the asked relation, for its opposite, and for neither.
_ASKED = {
    _LEFT: (0, True, "left of", "right of", "level with", "in x"),
    _RIGHT: (0, False, "right of", "left of", "level with", "in x"),
    _ABOVE: (1, True, "above", "below", "level with", "in y"),
    _BELOW: (1, False, "below", "above", "level with", "in y"),
}

_CORNERS = {4}
_NAMES = {str}


class Found(NamedTuple):
    """The boxes of one object above the threshold: scores and centres along one axis."""

    scores: list[float]
    centres: list[float]


class CentroidRule(Rule):
    """The official rule. Bound to no prompt set and without state."""

    name = "visor-centroid/1"
    threshold = 0.1

    def judge(self, prompt: Prompt, detections: Detections, threshold: float) -> Verdict:
        """Judge one image.

        Args:
            prompt: a VISOR prompt. ``and`` and ``single`` prompts are never correct, as in the
                official records; the metrics leave them out.
            detections: boxes in pixels, y down; labels other than the prompt's objects count for
                nothing.
            threshold: a box counts if its float32 score is strictly above float32(threshold).

        Returns:
            ``score`` 1.0 or 0.0, and the facts ``found_a``, ``found_b`` (a box above the
            threshold), ``n_a``, ``n_b`` (how many) and ``conf_a``, ``conf_b`` (the best score of
            any stored box, above the threshold or not; 0.0 where no box is stored).
        """
        return _judge(
            prompt,
            array("f", detections.boxes.astype("float32", copy=False).tobytes()),
            array("f", detections.scores.astype("float32", copy=False).tobytes()),
            detections.labels,
            threshold,
        )

    def judge_evidence(self, prompt: Prompt, evidence: Evidence, threshold: float) -> Verdict:
        """The same verdict from a stored record, without building arrays.

        Numbers are rounded to float32 first, as ``Detections.from_record`` does.

        Raises:
            UserError: a malformed record or a number that is not finite.
        """
        record, sound = evidence.record, False
        if record is not None:
            try:
                rows = record.boxes
                boxes = array("f", chain.from_iterable(rows))
                scores = array("f", record.scores)
                labels = record.labels
                sound = (
                    len(rows) == len(scores) == len(labels)
                    and set(map(len, rows)) <= _CORNERS
                    and set(map(type, labels)) <= _NAMES
                    and isfinite(sum(boxes))
                    and isfinite(sum(scores))
                )
            except (KeyError, TypeError, ValueError, OverflowError):
                sound = False
        if not sound:
            return self.judge(prompt, evidence.boxes, threshold)
        return _judge(prompt, boxes, scores, labels, threshold)


@lru_cache(maxsize=64)
def float32_threshold(threshold: float) -> float:
    """The threshold that float32 scores are compared with, as the double of the same value."""
    return array("f", [threshold])[0]


def relation_holds(task: str, first: Iterable[float], second: Iterable[float]) -> bool:
    """Whether some pair of centres (along the task's axis, pixels, y down) satisfies the relation.

    Strict, so equal coordinates satisfy nothing; False if either side is empty.
    """
    a, b = list(first), list(second)
    if not a or not b:
        return False
    return min(a) < max(b) if _ASKED[task][1] else max(a) > min(b)


def _judge(
    prompt: Prompt,
    boxes: Sequence[float],
    scores: Sequence[float],
    labels: Sequence[str],
    threshold: float,
) -> Verdict:
    """Boxes flat (4 n) and scores are doubles that hold float32 values."""
    asked = _ASKED.get(prompt.task)
    axis = asked[0] if asked else 0
    names = prompt.objects
    name_a = names[0]
    name_b = names[1] if len(names) > 1 else None
    limit = float32_threshold(threshold)
    conf_a = conf_b = 0.0
    a, b = Found([], []), Found([], [])
    corner = axis
    for label, score in zip(labels, scores, strict=True):
        if label == name_a:
            if score > conf_a:
                conf_a = score
            if score > limit:
                a.scores.append(score)
                a.centres.append((boxes[corner] + boxes[corner + 2]) / 2)
        elif label == name_b:
            if score > conf_b:
                conf_b = score
            if score > limit:
                b.scores.append(score)
                b.centres.append((boxes[corner] + boxes[corner + 2]) / 2)
        corner += 4
    n_a, n_b = len(a.scores), len(b.scores)
    if asked and n_a and n_b:
        correct = relation_holds(prompt.task, a.centres, b.centres)
        reason = _placement(prompt, a, b, correct)
    else:
        correct = False
        reason = _presence(prompt, n_a, n_b, threshold)
    return Verdict(
        correct,
        1.0 if correct else 0.0,
        reason,
        {
            "found_a": n_a > 0,
            "found_b": n_b > 0,
            "n_a": n_a,
            "n_b": n_b,
            "conf_a": conf_a,
            "conf_b": conf_b,
        },
    )


def _placement(prompt: Prompt, a: Found, b: Found, correct: bool) -> str:
    """Both objects are there: name the best-scored pair, or a pair that satisfies the relation."""
    _, smaller, yes, no, level, where = _ASKED[prompt.task]
    i, j = a.scores.index(max(a.scores)), b.scores.index(max(b.scores))
    x, y = a.centres[i], b.centres[j]
    if correct and not (x < y if smaller else x > y):
        outermost, innermost = (min, max) if smaller else (max, min)
        i = a.centres.index(outermost(a.centres))
        j = b.centres.index(innermost(b.centres))
    name_a, name_b = prompt.objects
    if correct:
        is_ = f"is {yes} {name_b} ({b.scores[j]:.2f})"
    elif x == y:
        is_ = f"is {level} {name_b} ({b.scores[j]:.2f}) {where}"
    else:
        is_ = f"is {no} {name_b} ({b.scores[j]:.2f})"
    return f"expected {name_a} {yes} {name_b}; {name_a} ({a.scores[i]:.2f}) {is_}"


def _presence(prompt: Prompt, n_a: int, n_b: int, threshold: float) -> str:
    counts = zip(prompt.objects, (n_a, n_b), strict=False)
    missing = [name for name, count in counts if not count]
    if prompt.triplet is not None:
        expected = f"{prompt.objects[0]} {_ASKED[prompt.task][2]} {prompt.objects[1]}"
    else:
        expected = " and ".join(prompt.objects)
    if missing:
        return f"expected {expected}; no {' and no '.join(missing)} found above {threshold:g}"
    return f"expected {expected}; found, but VISOR scores only prompts with a relation"
