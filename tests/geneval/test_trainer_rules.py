"""The strict and the partial rule on images made by hand, as runs and as trainers use them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from spatialbench.api import choosing
from spatialbench.benchmarks.geneval import PLUGIN
from spatialbench.benchmarks.geneval.asked_metadata import prompt_of_asked
from spatialbench.benchmarks.geneval.prompts import prompt_of
from spatialbench.benchmarks.geneval.trainer_rules import PARTIAL, STRICT, PartialRule, StrictRule
from spatialbench.detections import Detections
from spatialbench.errors import UserError
from spatialbench.plugins import Verdict
from spatialbench.prompts import Prompt

Image = Callable[..., Detections]
Metadata = dict[str, Any]

LEFT, RIGHT, FAR = (0, 0, 100, 100), (200, 0, 300, 100), (400, 0, 500, 100)
THREE_CATS = [
    *(("cat", place, 0.9) for place in (LEFT, (0, 9, 99, 99), (9, 0, 99, 99))),
    ("dog", FAR, 0.9),
]


def ask(*include: Metadata, tag: str = "two_object", **more: Any) -> Prompt:
    return prompt_of_asked({"tag": tag, "include": list(include), **more, "prompt": "a photo"})


def one(name: str, count: int = 1, **more: Any) -> Metadata:
    return {"class": name, "count": count, **more}


CAT_LEFT_OF_DOG = ask(one("dog"), one("cat", position=["left of", 0]), tag="position")


def both(prompt: Prompt, detections: Detections) -> tuple[Verdict, Verdict]:
    return (
        StrictRule().judge(prompt, detections, 0.3),
        PartialRule().judge(prompt, detections, 0.3),
    )


def score_of(prompt: Prompt, detections: Detections) -> float:
    strict, partial = both(prompt, detections)
    assert strict.correct == (strict.score == 1.0)
    return partial.score


# The examples of the table of where the rules differ.


def test_two_dogs_for_one(image: Image) -> None:
    strict, partial = both(ask(one("dog")), image(("dog", LEFT, 0.9), ("dog", RIGHT, 0.8)))
    assert not strict.correct
    assert strict.reason == "expected dog==1, found 2"
    assert not strict.facts["found_all"]
    assert (partial.score, partial.reason) == (0.0, "0, the mean of: 2 of 1 dog: 0")
    official = PLUGIN.rules["official"].judge(ask(one("dog")), image(("dog", LEFT, 0.9)), 0.3)
    assert official.correct


def test_four_cups_for_three_above_countings_own_threshold(image: Image) -> None:
    three = ask(one("cup", 3), tag="counting", exclude=[one("cup", 4)])
    cups = [("cup", (100 * k, 0, 100 * k + 50, 50), 0.95) for k in range(4)]
    strict, partial = both(three, image(*cups))
    assert (strict.correct, partial.score) == (False, 1 - 1 / 3)
    strict, partial = both(three, image(*cups[:3], ("cup", (0, 200, 50, 250), 0.85)))
    assert (strict.correct, partial.score) == (True, 1.0)
    assert partial.correct


def test_far_too_many_are_worse_than_none(image: Image) -> None:
    dogs = [("dog", (20 * k, 0, 20 * k + 10, 10), 0.9 - k / 100) for k in range(20)]
    assert score_of(ask(one("dog")), image(*dogs)) == 1 - 15  # sixteen are kept
    assert score_of(ask(one("dog")), image()) == 0.0


@pytest.mark.parametrize(
    ("found", "strict", "score"),
    [
        ([("cat", LEFT, 0.9), ("dog", RIGHT, 0.9)], True, 1.0),
        ([("cat", RIGHT, 0.9), ("dog", LEFT, 0.9)], False, 3 / 4),
        ([("cat", LEFT, 0.9)], False, 1 / 3),
        ([("dog", RIGHT, 0.9)], False, 1 / 3),
        ([("cat", LEFT, 0.9), ("cat", (0, 200, 90, 290), 0.8), ("dog", FAR, 0.9)], False, 1 / 3),
        (THREE_CATS, False, 0.0),
    ],
    ids=["right", "wrong side", "no target", "no cat", "two cats", "three cats"],
)
def test_a_position(image: Image, found: list[Any], strict: bool, score: float) -> None:
    verdicts = both(CAT_LEFT_OF_DOG, image(*found))
    assert verdicts[0].correct == strict
    assert verdicts[1].score == pytest.approx(score, abs=1e-12)


def test_a_wrong_side_costs_half_a_point_and_says_so(image: Image) -> None:
    wrong = image(("cat", RIGHT, 0.9), ("dog", LEFT, 0.9))
    strict, partial = both(CAT_LEFT_OF_DOG, wrong)
    assert strict.reason == "expected cat left of target, found right of target"
    assert partial.reason == (
        "0.75, the mean of: 1 of 1 dog: 1; 1 of 1 cat: 1; cat left of target: 0; "
        "cat has a target: 1"
    )


def test_every_pair_of_two_groups_has_to_stand_so(image: Image) -> None:
    prompt = ask(one("dog"), one("cat", 2, position=["left of", 0]), tag="position")
    cats = [("cat", LEFT, 0.9), ("cat", (120, 0, 180, 100), 0.8)]
    assert both(prompt, image(*cats, ("dog", FAR, 0.9)))[0].correct
    assert not both(prompt, image(*cats, ("dog", (105, 0, 115, 100), 0.9)))[0].correct


def test_colours_are_counted_over_the_whole_group(image: Image) -> None:
    prompt = ask(one("cup", 2, color="red"), tag="colors")
    cups = image(("cup", LEFT, 0.9, "red"), ("cup", RIGHT, 0.8, "blue"))
    strict, partial = both(prompt, cups)
    assert strict.reason == "expected red cup>=2, found 1 red; and 1 red, 1 blue"
    assert partial.score == (1 + 1 / 2) / 2
    # Where the number is wrong nobody looks at a colour.
    assert score_of(prompt, image(("cup", LEFT, 0.9))) == (1 / 2 + 0) / 2


def test_a_wrong_colour_leaves_the_position_out(image: Image) -> None:
    prompt = ask(one("dog"), one("cat", color="red", position=["left of", 0]))
    seen = image(("dog", RIGHT, 0.9), ("cat", LEFT, 0.9, "blue"))
    assert score_of(prompt, seen) == (1 + 1 + 0) / 3
    # Missing, it counts once for both.
    assert score_of(prompt, image(("dog", RIGHT, 0.9))) == (1 + 0 + 0) / 3


def test_what_is_excluded_is_not_looked_at(image: Image) -> None:
    prompt = ask(one("dog"), exclude=[one("cat", 1)])
    seen = image(("dog", LEFT, 0.9), ("cat", RIGHT, 0.9))
    strict, partial = both(prompt, seen)
    assert (strict.correct, partial.score) == (True, 1.0)
    assert not PLUGIN.rules["official"].judge(prompt, seen, 0.3).correct
    # A detector is asked for it all the same: the official rule judges by it.
    assert PLUGIN.labels(prompt) == ("dog", "cat")


def test_nothing_included(image: Image) -> None:
    prompt = prompt_of_asked({"tag": "x", "exclude": [one("cat")], "prompt": "no cat"})
    strict, partial = both(prompt, image())
    assert (strict.correct, partial.score, partial.correct) == (True, 0.0, False)
    assert partial.reason == "0: nothing is included"


def test_a_colour_nobody_looked_at_is_an_error(image: Image) -> None:
    prompt = ask(one("cup", color="red"), tag="colors")
    for rule in (StrictRule(), PartialRule()):
        with pytest.raises(UserError, match="hold none for the cup"):
            rule.judge(prompt, image(("cup", LEFT, 0.9)), 0.3)


def test_what_the_official_code_fails_at_is_an_error(image: Image) -> None:
    zero = {"tag": "x", "include": [one("cup", 0)], "prompt": "p"}
    for rule in (StrictRule(), PartialRule()):
        with pytest.raises(UserError, match="include 0 of 'cup'"):
            rule.judge(prompt_of("x", zero), image(), 0.3)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"tag": None}, "tag: Input should be a valid string"),
        ({"prompt": 3}, "prompt: Input should be a valid string"),
        ({"include": [{"count": 1}]}, "include.0.class: Field required"),
        ({"include": [{"class": "cat"}]}, "include.0.count: Field required"),
        ({"include": [one("cat", 0)]}, "include.0.count"),
        ({"include": [one("cat", True)]}, "include.0.count"),
        ({"include": [one("cat", color="mauve")]}, "none of the colours red"),
        ({"include": [one("cat", position=["near", 0])]}, "include.0.position"),
        ({"include": [one("cat", position=["above", 0])]}, "refers to no earlier object"),
        ({"include": [one("dog"), one("cat", position=["above", 1])]}, "no earlier object"),
        ({"include": [one("dog"), one("cat", position=["above", -2])]}, "no earlier object"),
        ({"include": [one("cat")] * 101}, "at most 100 items"),
    ],
)
def test_metadata_that_no_image_could_be_judged_by(change: Metadata, told: str) -> None:
    sound = {"tag": "two_object", "include": [one("cat")], "prompt": "a photo of a cat"}
    assert prompt_of_asked(sound).task == "two_object"
    with pytest.raises(UserError, match="the metadata are not GenEval's") as error:
        prompt_of_asked(sound | change)
    assert told in str(error.value)


def test_a_position_may_count_backwards(image: Image) -> None:
    """As Python does: -1 is the object before."""
    prompt = ask(one("dog"), one("cat"), one("cow", position=["left of", -1]), tag="position")
    assert prompt.triplet is not None
    assert (prompt.triplet.subject, prompt.triplet.object) == ("cow", "cat")
    seen = image(("dog", LEFT, 0.9), ("cow", RIGHT, 0.9), ("cat", FAR, 0.9))
    assert both(prompt, seen)[0].correct


def test_the_id_is_that_of_what_is_judged() -> None:
    line = {"tag": "two_object", "include": [one("cat")], "prompt": "a cat", "source": "mine"}
    prompt = prompt_of_asked(line)
    assert prompt.id == prompt_of_asked(line | {"prompt": "a cat, in the rain"}).id
    assert prompt.id != prompt_of_asked(line | {"tag": "counting"}).id
    assert prompt.id != prompt_of_asked(line | {"exclude": [one("dog")]}).id
    assert "source" not in prompt.facts["metadata"]


def test_options_are_part_of_the_name(image: Image) -> None:
    rule = choosing.rule(PLUGIN, "geneval-partial:counting_threshold=0.5,max_objects=3", "all")
    assert rule.name == "geneval-partial/1+counting_threshold:0.5+max_objects:3"
    three = ask(one("cup", 3), tag="counting")
    cups = image(*(("cup", (100 * k, 0, 100 * k + 50, 50), 0.6) for k in range(4)))
    assert rule.judge(three, cups, 0.3).correct
    assert choosing.rule(PLUGIN, "geneval-strict/1", "all").name == STRICT.full_name
    with pytest.raises(UserError, match="give a whole number from 1 to 1000"):
        choosing.rule(PLUGIN, "geneval-strict:max_objects=0.5", "all")


def test_official_prompts_are_judged_as_their_metadata_are() -> None:
    """The prompt of a run and the one that a trainer's line describes are judged alike."""
    for prompt in PLUGIN.prompts("all"):
        asked = PLUGIN.prompt_of_metadata(prompt.facts["metadata"])
        assert asked is not None
        assert (asked.text, asked.task, asked.objects, asked.triplet) == (
            *(prompt.text, prompt.task, prompt.objects),
            prompt.triplet,
        )
        assert PLUGIN.labels(asked) == PLUGIN.labels(prompt)
        assert PLUGIN.judged_metadata(asked.facts["metadata"]) == PLUGIN.judged_metadata(
            prompt.facts["metadata"]
        )
        assert STRICT.build(PLUGIN, "all", {}).needs_of(asked) == PLUGIN.rules["official"].needs_of(
            prompt
        )


def test_prompts_of_another_benchmark_are_refused(image: Image) -> None:
    rule = PARTIAL.build(PLUGIN, None, {})
    with pytest.raises(UserError, match="has no GenEval metadata"):
        rule.judge(Prompt("1", "a cat left of a dog", "left"), image(), 0.3)
