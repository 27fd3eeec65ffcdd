"""A judging: a rule and the score from which a box counts for it, made once and carried whole."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..errors import UserError, plugin_failed
from ..plugins import Benchmark, Rule, Verdict
from ..plugins.evidence import DEPTH, FOUND_WITH_BOXES, OF_JUDGES, Evidence, Source
from ..plugins.records import BoxRecord, SeenRecord
from ..plugins.subsets import default_rule
from ..prompts import Prompt
from .rules.catalogue import bound

OWN_LABELS = "own_labels"
"""The key of ``detector.json`` for a detector with labels of its own, and its attribute."""
OWN_THRESHOLD = "score_threshold"
"""The key of ``detector.json`` for what a detector says counts, and the detector's attribute."""


@dataclass(frozen=True, slots=True)
class Judging:
    """A rule with its threshold; verdicts come from here.

    Attributes:
        rule: as the user named it, or as ``of_prompts`` and ``of_run`` bound it.
        given: the threshold the user chose, 0 to 1; None for nothing.
        detectors: what the detector says counts, in place of the rule's own; None for nothing.
        run: the folder that the rule's evidence lies in; None for results from elsewhere.
        answers: what judges answered, by kind of evidence.

    Raises:
        UserError: a threshold outside 0 to 1, or NaN.
    """

    rule: Rule
    given: float | None = None
    detectors: float | None = None
    run: Path | None = None
    answers: Mapping[str, Source] = field(default_factory=dict)

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
        """With the evidence that the rule finds in a run; see ``catalogue.bound``."""
        return replace(self, rule=bound(self.rule, run, prompts), run=run)

    def at(self, threshold: float) -> Judging:
        """The same rule at another threshold."""
        return replace(self, given=threshold)

    def decides_at(self, prompt: Prompt) -> float:
        """The score above which a box of this prompt's image counts."""
        return float(self.rule.decides_at(prompt, self.threshold))

    def verdict(self, prompt: Prompt, record: SeenRecord, *, anywhere: bool = False) -> Verdict:
        """Judge an image by a stored record of it, and by what else the rule needs.

        Args:
            record: of the boxes; of the answers for a rule that needs no boxes.
            anywhere: let boxes lie where they like: those of a record that brings a prompt of its
                own are a case for the rule, and not of an image.

        Raises:
            UserError: a record that no model can have made, evidence that is missing, or a rule
                that refuses or fails; that is named.
        """
        record.require_sound(anywhere)
        boxes = record if isinstance(record, BoxRecord) else None
        evidence = Evidence(prompt, record.key[1], boxes, self._source)
        try:
            verdict = self.rule.judge_evidence(prompt, evidence, self.threshold)
        except UserError:
            raise
        except Exception as error:
            raise plugin_failed(f"the rule {self.name}", error) from error
        if not isinstance(verdict, Verdict):
            raise UserError(
                f"the rule {self.name} returned a {type(verdict).__name__}: expected a Verdict."
            )
        return verdict

    def kinds(self, prompts: Sequence[Prompt]) -> frozenset[str]:
        """The kinds of evidence that the images of these prompts are judged by."""
        return frozenset(kind for prompt in prompts for kind in self.rule.needs_of(prompt))

    def refuse_unused(
        self,
        kinds: Collection[str],
        detector: object | None,
        judge: object | None,
        depth: object | None = None,
    ) -> None:
        """Refuse a detector, a judge or a depth model that the user named for nothing.

        Raises:
            UserError: says to leave it out.
        """
        unused = {
            "detector": detector is not None and not {*kinds} & {*FOUND_WITH_BOXES},
            "judge": judge is not None and {*kinds}.isdisjoint(OF_JUDGES),
            "depth": depth is not None and DEPTH not in kinds,
        }
        for word, given in unused.items():
            if given:
                raise UserError(
                    f"{self.name} judges these prompts by {' and '.join(sorted(kinds))}, and needs "
                    f"no {word}: leave out --{word}, or give another --rule."
                )

    def state(self, prompts: Sequence[Prompt]) -> dict[str, str]:
        """By kind, a text that changes with the evidence that no record of the run holds."""
        sources = self._sources(prompts)
        return {kind: "" if one is None else one.state() for kind, one in sources.items()}

    def words(self, prompts: Sequence[Prompt]) -> list[str]:
        """What made that evidence, as far as the signature has to tell it."""
        sources = self._sources(prompts).values()
        return [one.word for one in sources if one is not None and one.word is not None]

    def _sources(self, prompts: Sequence[Prompt]) -> dict[str, Source | None]:
        others = self.kinds(prompts) - {*FOUND_WITH_BOXES, *OF_JUDGES}
        return {kind: self._source(kind) for kind in sorted(others)}

    def _source(self, kind: str) -> Source | None:
        if kind in OF_JUDGES:
            return self.answers.get(kind)
        return self.rule.source(kind, self.run)

    @property
    def _chosen(self) -> float | None:
        return self.detectors if self.given is None else self.given
