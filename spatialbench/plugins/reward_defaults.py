"""What a trainer is told about a benchmark's images where nobody says otherwise."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RewardDefaults:
    """A benchmark's choices for the reward server; rules by the names that ``--rule`` takes.

    Attributes:
        subset: whose prompts a trainer may ask about; None for the default subset.
        rule: whose score is the reward; None for the subset's own rule.
        official: what says whether an image is right; None for ``rule``.
        strict: likewise, where more than what was asked for is wrong too; None for ``rule``.
        groups: of prompts, in the order in which a trainer is told of each apart; None for the
            tasks of the prompts, in their order.
    """

    subset: str | None = None
    rule: str | None = None
    official: str | None = None
    strict: str | None = None
    groups: tuple[str, ...] | None = None
