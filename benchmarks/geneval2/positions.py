"""What GenEval 2's questions say of places: groups of objects, their numbers, and relations.

Read from the questions and not from the prompt's text, so that nothing is guessed: a question of
the skill ``count`` names each group with its number, one of the skill ``position`` two groups and a
relation.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from spatialbench.prompts import Triplet
from spatialbench.relations import Relation

RELATIONS = {
    "to the left of": Relation.LEFT,
    "to the right of": Relation.RIGHT,
    "on top of": Relation.ABOVE,
    "under": Relation.BELOW,
    "in front of": Relation.IN_FRONT,
    "behind": Relation.BEHIND,
}
"""The six relation words of the questions, and what is looked for in an image."""

_NUMBERS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
_COUNT = re.compile(r"How many (.+) are in the image\?")
_POSITION = re.compile(rf"(?:Is|Are) the (.+?) ({'|'.join(RELATIONS)}) the (.+)\?")


def facts_of(pairs: Sequence[Sequence[str]], skills: Sequence[str]) -> dict[str, Any]:
    """What a prompt's questions say of its groups of objects.

    Args:
        pairs: question and answer of each.
        skills: of each question.

    Returns:
        ``group_sizes``: by object name, without number and attribute, how many are asked for.
        ``judged_triplets``: the relations between them, by those names.
        ``unread_positions``: the questions of the skill ``position`` of another form.
    """
    sizes: dict[str, int] = {}
    names: dict[str, str] = {}
    for (text, answer), skill in zip(pairs, skills, strict=True):
        found = _COUNT.fullmatch(text) if skill == "count" else None
        if found and answer.lower() in _NUMBERS:
            name = found[1].removesuffix("s")
            sizes[name] = _NUMBERS.index(answer.lower()) + 1
            # A question of position says ``the dogs``, and ``the dog`` where one is asked for.
            names |= {found[1]: name, name: name}
    triplets, unread = [], []
    for (text, _), skill in zip(pairs, skills, strict=True):
        if skill != "position":
            continue
        found = _POSITION.fullmatch(text)
        if found and found[1] in names and found[3] in names:
            triplets.append(Triplet(names[found[1]], RELATIONS[found[2]], names[found[3]]))
        else:
            unread.append(text)
    return {
        "group_sizes": sizes,
        "judged_triplets": tuple(triplets),
        "unread_positions": tuple(unread),
    }
