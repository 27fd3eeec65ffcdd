"""The five fields that trainers of Flow-GRPO's kind read: rewards, and the same by group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .asked import Reward
from .rewarder import Rewarder

NOT_OF_GROUP = -10.0
"""What stands in a group's list for an image of another group: trainers leave it out."""


def rules_of_fields(rewarder: Rewarder) -> tuple[str, ...]:
    """The rules whose verdicts ``five_fields`` needs of every image."""
    return tuple(dict.fromkeys((rewarder.rule, rewarder.official, rewarder.strict)))


def five_fields(rewarder: Rewarder, rewards: Sequence[Reward], only_strict: bool) -> dict[str, Any]:
    """The reply about a request's images, in their order.

    ``scores`` are the rewards. ``rewards`` and ``strict_rewards`` say 1.0 or 0.0 by the official
    and by the strict rule; where ``only_strict`` is asked for, ``rewards`` are not looked at and
    all 0.0. The other two are the same by group, each as long as the request, with -10.0 where the
    image is of another group; a request without an image has no groups.

    Args:
        rewarder: whose rules and groups they are.
        rewards: of every image, with the verdicts of ``rules_of_fields``.
        only_strict: as the trainer asked; True during training.
    """
    strict = [float(one.verdicts[rewarder.strict].correct) for one in rewards]
    official = [
        0.0 if only_strict else float(one.verdicts[rewarder.official].correct) for one in rewards
    ]
    groups = [one.group for one in rewards]
    return {
        "scores": [one.reward for one in rewards],
        "rewards": official,
        "strict_rewards": strict,
        "group_rewards": _by_group(rewarder.groups, groups, official),
        "group_strict_rewards": _by_group(rewarder.groups, groups, strict),
    }


def _by_group(
    names: Sequence[str], groups: Sequence[str | None], values: Sequence[float]
) -> dict[str, list[float]]:
    if not groups:
        return {}
    return {
        name: [
            value if group == name else NOT_OF_GROUP
            for group, value in zip(groups, values, strict=True)
        ]
        for name in names
    }
