"""From which score a box counts: the rule's threshold, the detector's, or the one given."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import UserError
from ..plugins import Detector, Rule
from ..prompts import Prompt

OWN_THRESHOLD = "score_threshold"
"""The key of ``detector.json`` for what a detector says counts, and the detector's attribute."""


def checked_threshold(rule: Rule, threshold: float | None) -> float:
    """The threshold to use: the rule's own for None.

    Raises:
        UserError: outside 0 to 1, or NaN.
    """
    if threshold is None:
        return rule.threshold
    if not 0.0 <= threshold <= 1.0:
        raise UserError(
            f"--threshold {threshold} is not a detection score: give a number from 0 to 1, or "
            f"leave it out for the rule's own {rule.threshold}."
        )
    return threshold


def settled(
    rule: Rule, prompts: Sequence[Prompt], given: float | None, detectors: float | None = None
) -> tuple[Rule, float]:
    """The rule as it judges these prompts, and the threshold that the signature names.

    A rule with several thresholds offers ``for_prompts(prompts, threshold, everywhere)``, where the
    threshold is None for its own and ``everywhere`` says that it is in place of all of them: what
    it returns judges at the threshold it is given, and its ``name`` says what that does not.

    Args:
        rule: as the user named it.
        prompts: all that are judged.
        given: by the user; None for nothing.
        detectors: what the detector says counts, in place of the rule's own; None for nothing.

    Raises:
        UserError: outside 0 to 1, or NaN.
    """
    if given is not None:
        checked_threshold(rule, given)
    chosen = detectors if given is None else given
    rule = rule.for_prompts(prompts, chosen, given is None and detectors is not None)
    return rule, rule.threshold if chosen is None else chosen


def decided_at(rule: Rule, prompt: Prompt, threshold: float) -> float:
    """The score above which a box of this prompt's image counts.

    A rule with several thresholds offers ``decides_at(prompt, threshold)``.
    """
    return float(rule.decides_at(prompt, threshold))


def stated_threshold(detector: Detector) -> float | None:
    """What a detector says counts, by its optional ``score_threshold``; None for nothing.

    Raises:
        UserError: no number from 0 to 1.
    """
    stated: object = detector.score_threshold
    if stated is None:
        return None
    if isinstance(stated, bool) or not isinstance(stated, int | float) or not 0 <= stated <= 1:
        raise UserError(
            f"{detector.signature()} states the threshold {stated!r}: expected a number from 0 to "
            "1, or None."
        )
    return float(stated)
