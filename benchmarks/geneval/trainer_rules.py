"""``geneval-strict/1`` and ``geneval-partial/1``: what trainers are told of an image.

Both are those of Flow-GRPO's reward server; see ``groups``.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from spatialbench.detections import Detections
from spatialbench.errors import UserError
from spatialbench.plugins import Benchmark, Metric, Parameter, RulePlugin, Verdict, share
from spatialbench.prompts import Prompt

from .evaluation import Found, Options
from .groups import Groups, look_at_groups
from .options import checked_options
from .own_thresholds import (
    KeptBoxesRule,
    beyond_asked,
    colours_of,
    included,
    kept_of_asked,
    metadata_of,
    what_was_seen,
)


class GroupRule(KeptBoxesRule):
    """A rule on the groups of an image."""

    def judge(self, prompt: Prompt, detections: Detections, threshold: float) -> Verdict:
        """Judge one image; see ``GenEvalRule.judge`` for the arguments.

        Returns:
            The facts are ``found_all`` (every included object in exactly its number), ``kept``
            (boxes of the prompt's classes that count) and ``duplicates`` (those beyond it).

        Raises:
            UserError: a colour that is asked for and was not looked at; an object asked for 0
                times, or a position that refers to no earlier object, of which the official code
                makes an error too.
        """
        include = included(metadata_of(prompt))
        for place, wanted in enumerate(include):
            _require_sound(place, wanted)
        objects = self._kept(prompt, detections, threshold)
        groups = look_at_groups(
            objects,
            include,
            colours_of(prompt, detections),
            self._with(threshold).position_threshold,
        )
        facts = {
            "found_all": groups.counted,
            "kept": kept_of_asked(prompt, objects),
            "duplicates": beyond_asked(prompt, objects),
        }
        return self._verdict(prompt, objects, groups, facts)

    @abstractmethod
    def _verdict(
        self,
        prompt: Prompt,
        objects: dict[str, list[Found]],
        groups: Groups,
        facts: Mapping[str, bool | int],
    ) -> Verdict:
        """The verdict on the groups, with these facts; its reason may tell of the rest."""


class StrictRule(GroupRule):
    """Right where every group is exact: 1.0, else 0.0. What is wrong is the official sentence."""

    plain_name = "geneval-strict/1"

    def _verdict(
        self,
        prompt: Prompt,
        objects: dict[str, list[Found]],
        groups: Groups,
        facts: Mapping[str, bool | int],
    ) -> Verdict:
        reason = "\n".join(groups.reasons) or what_was_seen(prompt, objects)
        return Verdict(groups.exact, float(groups.exact), reason, facts)


class PartialRule(GroupRule):
    """The partial score, at most 1 and below 0 where far too many are there; right where it is 1.

    The reason says what the score is the mean of.
    """

    plain_name = "geneval-partial/1"

    def _verdict(
        self,
        prompt: Prompt,
        objects: dict[str, list[Found]],
        groups: Groups,
        facts: Mapping[str, bool | int],
    ) -> Verdict:
        parts = zip(groups.told, groups.parts, strict=True)
        told = "; ".join(f"{what}: {part:.3g}" for what, part in parts)
        reason = f"{groups.score:.3g}, the mean of: {told}" if told else "0: nothing is included"
        return Verdict(groups.score == 1.0, float(groups.score), reason, facts)


def _require_sound(place: int, wanted: Mapping[str, object]) -> None:
    """Raises UserError for what the official code cannot divide by, or does not find."""
    if wanted["count"] == 0:
        raise UserError(
            f"the metadata include 0 of {wanted['class']!r}: expected a count from 1 on."
        )
    position = wanted.get("position")
    if isinstance(position, Sequence) and not -place <= position[1] < place:
        raise UserError(
            f"the position of {wanted['class']!r} refers to the object {position[1]}: expected the "
            f"place of one of the {place} before it, counted from 0."
        )


_OPTIONS = {
    "counting_threshold": Parameter(0.9, "the threshold of counting prompts, 0 to 1"),
    "max_objects": Parameter(16, "at most so many boxes of a class count"),
    "max_overlap": Parameter(1.0, "an IoU from which the lesser box is dropped; 1 drops none"),
    "position_threshold": Parameter(0.1, "how much of the boxes' sizes a relation ignores"),
}


@dataclass(frozen=True, slots=True)
class TrainerRulePlugin(RulePlugin):
    """One of the rules, for any prompts that have GenEval's metadata."""

    name: str
    summary: str
    metrics: Sequence[Metric]
    _rule: type[GroupRule]
    judges: str = "prompts with GenEval's metadata"
    remark: str = (
        "is a reward of Flow-GRPO's server and no published GenEval number: compare it only with "
        "itself"
    )
    options: Mapping[str, Parameter] = field(default_factory=lambda: _OPTIONS)

    def build(
        self, benchmark: Benchmark, subset: str | None, options: Mapping[str, float]
    ) -> GroupRule:
        """See ``RulePlugin.build``. A prompt without metadata is refused when it is judged."""
        return self._rule(checked_options(Options(), options))


STRICT = TrainerRulePlugin(
    "geneval-strict",
    "Flow-GRPO's strict reward: every object in exactly its number",
    (share("strict", "images in which every object is there in exactly its number", "correct"),),
    StrictRule,
)
PARTIAL = TrainerRulePlugin(
    "geneval-partial",
    "Flow-GRPO's partial reward: how much of what is asked for is there",
    (share("partial", "mean partial score, where far too many count below 0", "score"),),
    PartialRule,
)
