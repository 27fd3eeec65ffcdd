"""Soft and strict over all relations of a prompt, on boxes placed by hand."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from spatialbench import plugins
from spatialbench.detections import Detections
from spatialbench.plugins import ScoreTable, Verdict
from spatialbench.plugins.metric import values
from spatialbench.prompts import Prompt, Triplet
from spatialbench.relations import Relation
from spatialbench.scoring.rules.all_relations_rule import (
    OVER_ALL,
    AllRelationsRule,
    hold_together,
)
from spatialbench.scoring.rules.relation_checks import Found, RelationCheck

RULE = AllRelationsRule("complex/1", 0.1)
BOTH = (Triplet("dog", Relation.LEFT, "cat"), Triplet("dog", Relation.ABOVE, "bench"))
PROMPT = Prompt(
    "1", "a dog left of a cat and above a bench", "two", BOTH[0], (), {"triplets": BOTH}
)
DOG, CAT, BENCH = (0, 0, 20, 20), (70, 0, 90, 20), (0, 70, 20, 90)


def judged(*boxes: tuple[str, tuple[int, int, int, int]]) -> Verdict:
    found = Detections.build(
        [list(box) for _, box in boxes], [0.9] * len(boxes), [name for name, _ in boxes], 100, 100
    )
    return RULE.judge(PROMPT, found, 0.1)


@pytest.mark.parametrize(
    ("boxes", "soft", "strict", "alone"),
    [
        ([("dog", DOG), ("cat", CAT), ("bench", BENCH)], 1, 1, 1),
        # The bench above the dog: one of the two holds.
        ([("dog", BENCH), ("cat", CAT), ("bench", DOG)], 0.5, 0, 0),
        ([("dog", DOG), ("cat", CAT)], 0.5, 0, 0),
        ([("cat", CAT), ("bench", BENCH)], 0, 0, 0),
        # One dog left of the cat, another one above the bench: not one that is both.
        ([("dog", (0, 75, 20, 95)), ("dog", (75, 0, 95, 20)), ("cat", (40, 50, 60, 70)),
          ("bench", (75, 75, 95, 95))], 1, 0, 0),
        # A second cat left of the dog, in the place of nothing: strict, but not alone.
        ([("dog", (40, 0, 60, 20)), ("cat", (75, 0, 95, 20)), ("cat", (0, 0, 20, 20)),
          ("bench", (40, 70, 60, 90))], 1, 1, 0),
    ],
)  # fmt: skip
def test_soft_is_the_mean_and_strict_is_all(
    boxes: Any, soft: float, strict: float, alone: float
) -> None:
    verdict = judged(*boxes)
    facts = [verdict.facts[name] for name in OVER_ALL.values()]
    assert facts == [soft, strict, alone]
    assert (verdict.score, verdict.correct) == (soft, bool(strict))


def test_a_choice_of_boxes_is_found_as_by_trying_all() -> None:
    """Chains, stars, one pair twice, rings: against every choice tried."""
    rng = np.random.default_rng(0)
    graphs = [["ab"], ["ab", "ac"], ["ab", "ba"], ["ab", "bc", "dc"], ["ab", "bc", "ca", "cd"]]
    answers = []
    for number in range(200):
        sizes = {name: int(rng.integers(1, 4)) for name in "abcd"}
        checks = [
            check(pair[0], pair[1], rng.random((sizes[pair[0]], sizes[pair[1]])) < 0.6)
            for pair in graphs[number % len(graphs)]
        ]
        tried = any(
            all(c.holds[ours[c.subject.name], ours[c.object.name]] for c in checks)
            for choice in product(*map(range, sizes.values()))
            for ours in [dict(zip(sizes, choice, strict=True))]
        )
        assert hold_together(checks) is tried
        answers.append(tried)
    assert 40 < sum(answers) < 180
    assert not hold_together([check("a", "b", np.zeros((0, 2), dtype=bool))])
    # Two of one name are two objects.
    assert hold_together([check("a", "a", np.array([[False, True], [False, False]]))])


def check(a: str, b: str, holds: Any) -> RelationCheck:
    one, other = (
        Found(name, tuple(range(n)), (0.9,) * n)
        for name, n in zip((a, b), holds.shape, strict=True)
    )
    triplet = Triplet(a, Relation.LEFT, b)
    return RelationCheck(triplet, one, other, bool(holds.any()), bool(holds.all()), 0, holds)


def test_no_share_among_images_with_every_object_is_above_100() -> None:
    """An image without the bench keeps one relation; among those with all objects it is no one."""
    verdicts = [
        judged(("dog", DOG), ("cat", CAT), ("bench", BENCH)),
        judged(("dog", DOG), ("cat", CAT)),
        judged(("dog", DOG), ("cat", CAT)),
    ]
    columns: dict[str, Any] = {
        name: np.array([v.facts[name] for v in verdicts]) for name in verdicts[0].facts
    }
    table = ScoreTable([PROMPT], np.zeros(3, dtype=np.int64), np.arange(3), columns)
    found = values(plugins.load("rule", "all-relations").metrics, table)
    assert found["OA"] == pytest.approx(100 / 3)
    assert found["ALL_soft"] == pytest.approx(100 * 2 / 3)
    assert found["ALL_soft_cond"] == 100
    assert found["ALL_strict"] == pytest.approx(100 / 3)
    assert found["ALL_strict_cond"] == 100
