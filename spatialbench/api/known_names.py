"""``--known-names-only``: from a detector to the prompts whose every name it knows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import UserError
from ..plugins import Benchmark, Detector, DetectorPlugin, Rule
from ..plugins.evidence import FOUND_WITH_BOXES
from ..runs.selection import Selection
from . import choosing

if TYPE_CHECKING:
    from .evaluation import Evaluation

DetectorAsked = tuple[str | Detector | DetectorPlugin | None, Benchmark, str, str, str, bool]
"""The first arguments of ``choosing.plain_detector``."""


def fetch_to_tell(asked: DetectorAsked, needed: bool) -> None:
    """Get a detector's weights, if needed, before anybody asks which names it knows."""
    if not needed:
        return
    from ..stages import known_names

    known_names.fetch_to_tell(choosing.plain_detector(*asked))


def narrowed(evaluation: Evaluation, selection: Selection) -> Selection:
    """A selection with the names that the detector of an evaluation knows.

    Raises:
        UserError: its rule sees no boxes.
    """
    refuse_without_boxes(evaluation.judging.rule, known_names_only=True, synonyms=False)
    return known_to(evaluation.detector_asked, selection, evaluation.synonyms)


def known_to(asked: DetectorAsked, selection: Selection, synonyms: bool) -> Selection:
    """A selection with the names that a detector knows of those that its subset asks for."""
    from ..stages.known_names import asked_names, known_names

    plain = choosing.plain_detector(*asked, synonyms=synonyms)
    return replace(selection, known_names=known_names(plain, asked_names(*asked[1:3])))


def refuse_without_boxes(rule: Rule, known_names_only: bool, synonyms: bool) -> None:
    """Refuse options about a detector with a rule that needs none. Raises UserError."""
    if set(rule.needs).isdisjoint(FOUND_WITH_BOXES):
        for option, given in (("known-names-only", known_names_only), ("synonyms", synonyms)):
            if given:
                raise UserError(
                    f"{rule.name} needs no detector: leave out --{option}, or give another --rule."
                )
