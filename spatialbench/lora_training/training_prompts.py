"""The prompts that training images are made from: drawn, or read from a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UserError
from ..files.documents import json_lines, parse_json, read_limited
from ..prompts import Prompt, Triplet, with_article
from ..relations import Relation
from ..scoring.rules.constraints import DEPTH, JUDGED

if TYPE_CHECKING:
    import numpy as np

DRAWN = (Relation.LEFT, Relation.RIGHT, Relation.ABOVE, Relation.BELOW)
"""Those in the plane, which need no depth map."""
EVERY = (*DRAWN, Relation.IN_FRONT, Relation.BEHIND)


def draw_prompts(
    count: int,
    seed: int = 0,
    objects: Sequence[str] | None = None,
    complex_share: float = 0.0,
    relations: Sequence[Relation] = DRAWN,
) -> list[Prompt]:
    """Prompts in the wording of the three benchmarks, about pairs that no evaluation is about.

    The relations take turns. Pairs that ``lab.captions.held_out`` keeps for
    evaluation are never drawn, whatever the backbone.

    Args:
        count: how many.
        seed: fixes them; a larger count begins with a smaller one's.
        objects: names to draw from; None for the lab's 106 (the 80 of COCO and T2I-CompBench's).
        complex_share: share of prompts with a second relation, of the same subject to a third
            object ("complex" prompts; ESPLoRA reports that training on them generalises better).
        relations: some of ``EVERY``; those in depth need a depth model to be checked.

    Raises:
        UserError: too few objects, a share outside 0 to 1, a relation that cannot be checked, or
            prompts of two relations where all lie on one axis.
    """
    import numpy as np

    from ..lab.captions import held_out
    from ..lab.pictograms import NAMES

    names = list(NAMES if objects is None else dict.fromkeys(objects))
    if not 0 <= complex_share <= 1:
        raise UserError(f"--complex {complex_share:g} is out of range: give a share from 0 to 1.")
    pairs = any(not held_out(a, b) for a in names for b in names if a != b)
    if len(names) < 3 or not pairs:
        raise UserError(
            f"{len(names)} objects are too few to draw pairs from: give more with --objects (at "
            "least three)."
        )
    turns = tuple(dict.fromkeys(relations))
    if not turns or not set(turns) <= JUDGED:
        raise UserError(
            f"prompts cannot be drawn of {', '.join(turns) or 'no relation'}: give some of "
            f"{', '.join(EVERY)}."
        )
    if complex_share and len({one.axis for one in turns}) == 1:
        raise UserError(
            f"two relations of one prompt lie on different axes, and {', '.join(turns)} all lie on "
            "one: name more relations, or leave out --complex."
        )
    made = []
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        while True:
            a, b, c = (names[i] for i in rng.choice(len(names), 3, replace=False))
            if not (held_out(a, b) or held_out(a, c)):
                break
        relation = turns[number % len(turns)]
        text = worded(rng, a, relation, b)
        triplets = [Triplet(a, relation, b)]
        if rng.random() < complex_share:
            # Another axis, so that both can hold whatever the first one does.
            others = [one for one in turns if one.axis != relation.axis]
            other = others[int(rng.integers(len(others)))]
            text = f"{text} and {other.adverb} {with_article(c)}"
            triplets.append(Triplet(a, other, c))
        made.append(_prompt(f"{number:06d}", text, triplets))
    return made


def worded(rng: np.random.Generator, a: str, relation: Relation, b: str) -> str:
    """What ``a`` to ``b`` is called, in the wording of the benchmarks; that of depth is one."""
    from ..lab.captions import caption

    if relation in DEPTH:
        return f"{with_article(a)} {relation.adverb} {with_article(b)}"
    return caption(rng, [a, b], relation)[0]


def read_prompts(path: Path) -> list[Prompt]:
    """Prompts from JSON Lines with ``text`` and ``relations``.

    As in ``{"text": "a dog left of a cat", "relations": [["dog", "left", "cat"]]}``. Relations are
    left, right, above, below, in_front and behind; a prompt has one or more.

    Raises:
        UserError: no such file, no prompts, or a line that is none, with its number.
    """
    try:
        lines = json_lines(read_limited(path))
    except (OSError, ValueError) as error:
        raise UserError(
            f"cannot read the prompts in {path} ({error}); give a JSONL file."
        ) from error
    made = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            made.append(prompt_of(f"{number:06d}", parse_json(line)))
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"{path}, line {number}, is not a prompt ({error}); expected "
                '{"text": "a dog left of a cat", "relations": [["dog", "left", "cat"]]} with '
                f"relations among {', '.join(sorted(JUDGED))}."
            ) from error
    if not made:
        raise UserError(f"{path} holds no prompt; give one JSON object per line.")
    return made


def prompt_of(prompt_id: str, record: Any) -> Prompt:
    """One prompt from its ``text`` and ``relations``.

    Raises:
        ValueError, KeyError, TypeError: it is none.
    """
    text, relations = record["text"], record["relations"]
    if not isinstance(text, str) or not text or not relations:
        raise ValueError("it needs a text and at least one relation")
    triplets = [Triplet(str(a), Relation(word), str(b)) for a, word, b in relations]
    for triplet in triplets:
        if triplet.relation not in JUDGED:
            raise ValueError(f"{triplet.relation.value!r} is not a relation that can be checked")
    return _prompt(prompt_id, text, triplets)


def _prompt(prompt_id: str, text: str, triplets: Sequence[Triplet]) -> Prompt:
    objects = tuple(dict.fromkeys(x for t in triplets for x in (t.subject, t.object)))
    first = triplets[0]
    facts = {"triplets": tuple(triplets)} if len(triplets) > 1 else {}
    return Prompt(prompt_id, text, first.relation.value, first, objects, facts)
