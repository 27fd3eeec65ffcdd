"""A judging: a rule and the score from which a box counts for it, made once and carried whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..detections import check_record
from ..errors import UserError
from ..plugins import Benchmark, Rule, Verdict
from ..plugins.subsets import default_rule
from ..prompts import Prompt
from .rules.catalogue import bound

OWN_THRESHOLD = "score_threshold"
"""The key of ``detector.json`` for what a detector says counts, and the detector's attribute."""


@dataclass(frozen=True, slots=True)
class Judging:
    """A rule with its threshold; verdicts come from here.

    Attributes:
        rule: as the user named it, or as ``of_prompts`` and ``of_run`` bound it.
        given: the threshold the user chose, 0 to 1; None for nothing.
        detectors: what the detector says counts, in place of the rule's own; None for nothing.

    Raises:
        UserError: a threshold outside 0 to 1, or NaN.
    """

    rule: Rule
    given: float | None = None
    detectors: float | None = None

    def __post_init__(self) -> None:
        if self.given is not None and not 0.0 <= self.given <= 1.0:
            raise UserError(
                f"--threshold {self.given} is not a detection score: give a number from 0 to 1, or "
                f"leave it out for the rule's own {self.rule.threshold}."
            )

    @classmethod
    def by_default(
        cls, benchmark: Benchmark, subset: str | None = None, threshold: float | None = None
    ) -> Judging:
        """By the rule that a subset (None: the default subset) prescribes."""
        return cls(default_rule(benchmark, subset), threshold)

    @property
    def name(self) -> str:
        """The rule's, with its version and options."""
        return self.rule.name

    @property
    def threshold(self) -> float:
        """A box counts where its float32 score is above float32 of it; the signature names it."""
        chosen = self._chosen
        return self.rule.threshold if chosen is None else chosen

    def of_prompts(self, prompts: Sequence[Prompt], detectors: float | None = None) -> Judging:
        """As these prompts, all that are judged, are judged; see ``Rule.for_prompts``.

        Args:
            detectors: what the detector says counts; see the class.
        """
        made = replace(self, detectors=detectors)
        everywhere = made.given is None and detectors is not None
        return replace(made, rule=self.rule.for_prompts(prompts, made._chosen, everywhere))

    def of_run(self, run: Path, prompts: Sequence[Prompt]) -> Judging:
        """With what else the rule looks at in a run; see ``catalogue.bound``."""
        return replace(self, rule=bound(self.rule, run, prompts))

    def at(self, threshold: float) -> Judging:
        """The same rule at another threshold."""
        return replace(self, given=threshold)

    def decides_at(self, prompt: Prompt) -> float:
        """The score above which a box of this prompt's image counts."""
        return float(self.rule.decides_at(prompt, self.threshold))

    def verdict(
        self, prompt: Prompt, record: Mapping[str, Any], *, anywhere: bool = False
    ) -> Verdict:
        """Judge a detections record.

        Args:
            anywhere: let boxes lie where they like: those of a record that brings a prompt of its
                own are a case for the rule, and not of an image.

        Raises:
            UserError: a record that no detector can have made, or as the rule.
        """
        check_record(record, anywhere)
        return self.rule.judge_record(prompt, record, self.threshold)

    @property
    def _chosen(self) -> float | None:
        return self.detectors if self.given is None else self.given
