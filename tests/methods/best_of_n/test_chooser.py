"""How boxes and answers are turned into a choice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from PIL import Image

from spatialbench.detections import Detections
from spatialbench.errors import UserError
from spatialbench.methods.best_of_n.chooser import (
    ByAnswer,
    ByBoxes,
    chooser_of,
    chosen,
    score_of,
)
from spatialbench.plugins import Judge
from spatialbench.prompts import Prompt, Triplet
from spatialbench.relations import Relation


def prompt(relation: Relation) -> Prompt:
    return Prompt(
        "1", f"a dog {relation.adverb} a cat", "t", Triplet("dog", relation, "cat"), ("dog", "cat")
    )


def found(*boxes: tuple[str, float, float, float]) -> Detections:
    """Boxes of side 2 round a centre: label, score, x, y."""
    corners = [[x - 1, y - 1, x + 1, y + 1] for _, _, x, y in boxes]
    return Detections.build(corners, [b[1] for b in boxes], [b[0] for b in boxes], 64, 64)


@pytest.mark.parametrize(
    ("relation", "cat", "holds"),
    [
        (Relation.LEFT, (40, 10), True),
        (Relation.RIGHT, (40, 10), False),
        (Relation.RIGHT, (4, 60), True),
        (Relation.ABOVE, (10, 40), True),
        (Relation.BELOW, (10, 40), False),
        (Relation.BELOW, (60, 4), True),
        (Relation.LEFT, (10, 40), False),
        (Relation.NEAR, (60, 60), True),
        (Relation.BEHIND, (60, 60), True),
    ],
)
def test_a_relation_that_fails_leaves_nothing_of_the_weakest(
    relation: Relation, cat: tuple[float, float], holds: bool
) -> None:
    least, mean = score_of(prompt(relation), found(("dog", 0.5, 10, 10), ("cat", 0.25, *cat)))
    assert least == (0.25 if holds else 0.0)
    assert mean == pytest.approx((0.5 + 0.25 + least) / 3)


def test_the_best_pair_that_stands_so_counts() -> None:
    boxes = found(("dog", 0.75, 50, 10), ("dog", 0.5, 4, 10), ("cat", 0.625, 30, 10))
    least, mean = score_of(prompt(Relation.LEFT), boxes)
    assert least == 0.5
    assert mean == pytest.approx((0.75 + 0.625 + 0.5) / 3)


def test_every_relation_of_a_prompt_counts() -> None:
    triplets = [Triplet("dog", Relation.LEFT, "cat"), Triplet("cat", Relation.ABOVE, "bus")]
    several = Prompt("1", "t", "t", triplets[0], facts={"triplets": triplets})
    boxes = [("dog", 0.5, 4.0, 10.0), ("cat", 0.75, 30.0, 10.0)]
    assert score_of(several, found(*boxes, ("bus", 0.25, 30, 50)))[0] == 0.25
    assert score_of(several, found(*boxes, ("bus", 0.25, 30, 4)))[0] == 0.0


def test_what_is_missing_counts_nothing_and_other_labels_are_none() -> None:
    assert score_of(prompt(Relation.LEFT), found(("bus", 0.9, 4, 4))) == (0.0, 0.0)
    least, mean = score_of(prompt(Relation.LEFT), found(("dog", 0.75, 4, 4)))
    assert (least, mean) == (0.0, 0.25)


def test_two_of_one_name_are_two_boxes() -> None:
    twins = Prompt("1", "a dog left of a dog", "t", Triplet("dog", Relation.NEAR, "dog"), ("dog",))
    assert score_of(twins, found(("dog", 0.5, 4, 4)))[0] == 0.0
    assert score_of(twins, found(("dog", 0.5, 4, 4), ("dog", 0.25, 40, 4)))[0] == 0.25


def test_the_first_of_equals_is_kept() -> None:
    assert chosen([(0.0, 0.1), (0.5, 0.5), (0.5, 0.5)]) == 1
    assert chosen([(0.0, 0.3), (0.0, 0.2)]) == 0
    assert chosen([(0.0, 0.3), (0.1, 0.2)]) == 1


def test_a_prompt_without_objects_is_refused_by_a_detector() -> None:
    chooser = chooser_of("lab-templates", "cpu", True)
    assert isinstance(chooser, ByBoxes)
    with pytest.raises(UserError, match="prompt 7 names no object"):
        chooser.check(Prompt("7", "something blue", "t"))
    chooser.check(prompt(Relation.LEFT))


class _Judge(Judge):
    def identity(self) -> dict[str, Any]:
        return {"judge": "reader"}

    def signature(self) -> str:
        return "reader@1"

    def load(self) -> None:
        pass

    def answer(
        self, images: Sequence[Image.Image], questions: Sequence[Sequence[str]]
    ) -> list[list[float]]:
        self.asked = questions
        return [[image.tobytes()[0] / 255] for image in images]


def test_a_judge_is_asked_about_the_whole_prompt() -> None:
    judge = _Judge()
    chooser = ByAnswer(judge)
    images = [Image.new("RGB", (2, 2), (value, 0, 0)) for value in (51, 204, 102)]
    scores = chooser.scores(prompt(Relation.LEFT), images)
    assert judge.asked == [['does this image show "a dog left of a cat"?']] * 3
    assert [pytest.approx(one) for one in ((0.2,), (0.8,), (0.4,))] == scores
    assert chosen(scores) == 1
    assert chooser.identity() == {"name": "reader@1", "model": {"judge": "reader"}}


def test_names_of_nothing_are_refused() -> None:
    with pytest.raises(UserError, match=r"give --set judge=NAME, another than .*lab-templates"):
        chooser_of("", "cpu", True)
    with pytest.raises(UserError, match="did you mean owlvit"):
        chooser_of("owlwit", "cpu", True)
