"""How the reward server of Flow-GRPO looks at an image: every included object as a group.

Source: ``reward_server/gen_eval.py`` of yifan123/reward-server @ 92ac29f. It differs from GenEval's
own script in this: a group has exactly the number that is asked for, all of it is looked at for
colour and position, and ``exclude`` is not read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .boxes import relations
from .evaluation import ColourOf, Found, Metadata
from .names import COLOURS

Group = Sequence[Found]


@dataclass(slots=True)
class Groups:
    """What was said of an image, object by object in the order of ``include``.

    Attributes:
        reasons: a sentence for each condition that does not hold; none where all hold.
        parts: what the partial score is the mean of.
        told: for each of ``parts`` what it is of.
        counted: whether every object is there in its number.
    """

    reasons: list[str] = field(default_factory=list)
    parts: list[float] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    counted: bool = True

    @property
    def exact(self) -> bool:
        """Whether every condition holds: the strict rule."""
        return not self.reasons

    @property
    def score(self) -> float:
        """The partial rule: the mean of the parts, 0 where nothing is included."""
        return sum(self.parts) / len(self.parts) if self.parts else 0.0

    def add(self, part: float, what: str) -> None:
        """One more part of the partial score."""
        self.parts.append(part)
        self.told.append(what)


def look_at_groups(
    objects: Mapping[str, Group],
    include: Sequence[Metadata],
    colour_of: ColourOf,
    position_threshold: float,
) -> Groups:
    """Check an image's kept objects, as both rules do.

    A position refers to an earlier group by its index as Python counts: -1 is the one before. It
    holds where every box of the group stands so to every box of the other. Where it does not hold,
    the partial score gets a 0 and a 1: so the official code does it, and trainers optimise that.

    Args:
        objects: kept boxes by class, best first.
        include: the objects that are asked for, each at least once.
        colour_of: the colour of a found object; asked only where the number is right.
        position_threshold: see ``boxes.relations``.
    """
    result = Groups()
    groups: list[Group | None] = []
    for wanted in include:
        found = objects.get(wanted["class"], ())
        before = len(result.reasons)
        _number_and_colour(result, wanted, found, colour_of)
        if wanted.get("position") is not None and len(result.reasons) == before:
            _position(result, wanted, found, groups, position_threshold)
        groups.append(found if len(result.reasons) == before else None)
    return result


def _number_and_colour(result: Groups, wanted: Metadata, found: Group, colour_of: ColourOf) -> None:
    name, count, colour = wanted["class"], wanted["count"], wanted.get("color")
    result.add(1 - abs(count - len(found)) / count, f"{len(found)} of {count} {name}")
    if len(found) != count:
        result.counted = False
        result.reasons.append(f"expected {name}=={count}, found {len(found)}")
        if colour is not None or wanted.get("position") is not None:
            result.add(0.0, f"what else {name} should be")
        return
    if colour is None:
        return
    seen = [colour_of(one) for one in found]
    right = seen.count(colour)
    result.add(1 - abs(count - right) / count, f"{right} of {count} {colour} {name}")
    if right != count:
        others = ", ".join(f"{seen.count(c)} {c}" for c in COLOURS if c in seen)
        result.reasons.append(
            f"expected {colour} {name}>={count}, found {right} {colour}; and {others}"
        )


def _position(
    result: Groups,
    wanted: Metadata,
    found: Group,
    groups: Sequence[Group | None],
    threshold: float,
) -> None:
    name = wanted["class"]
    relation, target = wanted["position"]
    others = groups[target]
    if others is None:
        result.reasons.append(f"no target for {name} to be {relation}")
        result.add(0.0, f"{name} {relation} target, which is not there")
        return
    wrong = _first_wrong(found, others, relation, threshold)
    if wrong is None:
        result.add(1.0, f"{name} {relation} target")
        return
    result.reasons.append(f"expected {name} {relation} target, found {wrong} target")
    result.add(0.0, f"{name} {relation} target")
    # The official code comes by here in this case too.
    result.add(1.0, f"{name} has a target")


def _first_wrong(found: Group, others: Group, relation: str, threshold: float) -> str | None:
    """How the first pair that is wrong stands instead; None where all are right."""
    for one in found:
        for other in others:
            true = relations(one.box, other.box, threshold)
            if relation not in true:
                return " and ".join(true)
    return None
