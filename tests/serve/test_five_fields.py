"""The fields that Flow-GRPO reads, against what the official server replied."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from spatialbench.serve.asked import Asked, Ready, Refused, Reward
from spatialbench.serve.five_fields import five_fields, rules_of_fields
from spatialbench.serve.rewarder import Rewarder
from tests.serve.recorded import Json, RecordedDetector, cases, image_of
from tests.stages.fakes import Finder, Shapes

FIELDS = ("scores", "rewards", "strict_rewards", "group_rewards", "group_strict_rewards")


class Recorded:
    """The cases, the detector that saw their images, and the rewarder over it."""

    def __init__(self, found: Sequence[Json]) -> None:
        self.cases = found
        self.detector = RecordedDetector()
        self.rewarder = Rewarder.of("geneval", detector=self.detector, device="cpu")
        self.rewarder.load()
        numbers = iter(range(100_000))
        self.asked: list[list[Asked]] = [
            [
                Asked(self.detector.record(image_of(next(numbers)), _seen(one)), one["metadata"])
                for one in _sent(case)
            ]
            for case in found
        ]

    def reply(self, place: int, pieces: bool) -> dict[str, Any]:
        """The reply to one case, scored in one batch or image by image. Raises Refused."""
        ready = [self.rewarder.read(asked) for asked in self.asked[place]]
        rules = rules_of_fields(self.rewarder)
        batches = [[one] for one in ready] if pieces else [ready]
        answers = [one for batch in batches for one in self.rewarder.reward(batch, rules)]
        only_strict = bool(self.cases[place]["only_strict"])
        return five_fields(self.rewarder, [_given(one) for one in answers], only_strict)


def _seen(image: Json) -> Json:
    return {"boxes": image["boxes"], "colors": image["colors"]}


def _sent(case: Json) -> list[Json]:
    """The images that metadata came with: the official code leaves others out of its reply."""
    fewer = case["kind"] == "error:fewer_metadata_than_images"
    images: list[Json] = case["images"]
    return images[: len(case["official"]["scores"])] if fewer else images


def _given(answer: Reward | Refused) -> Reward:
    if isinstance(answer, Refused):
        raise answer
    return answer


@pytest.fixture(scope="module")
def recorded() -> Recorded:
    return Recorded(cases())


@pytest.mark.parametrize("pieces", [False, True], ids=["one batch", "image by image"])
def test_replies_are_the_official_ones(recorded: Recorded, pieces: bool) -> None:
    told: Counter[str] = Counter()
    for place, case in enumerate(recorded.cases):
        official = case["official"]
        if "error" in official:
            with pytest.raises(Refused):
                recorded.reply(place, pieces)
            told["refused"] += 1
            continue
        reply = recorded.reply(place, pieces)
        assert {name: reply[name] for name in FIELDS} == official, case["case"]
        told["answered"] += 1
        told["images"] += len(official["scores"])
    assert told["answered"] > 9 * told["refused"] > 0
    assert told["images"] > 2 * told["answered"]


def test_all_cases_in_one_batch(recorded: Recorded) -> None:
    """Other requests in the batch change nothing."""
    sound = [n for n, case in enumerate(recorded.cases) if "error" not in case["official"]]
    ready: list[Ready] = []
    for place in sound:
        ready += map(recorded.rewarder.read, recorded.asked[place])
    recorded.detector.passes.clear()
    answers = recorded.rewarder.reward(ready, rules_of_fields(recorded.rewarder))
    # An image of which nothing is asked needs no look.
    assert len(recorded.detector.passes) == 1
    scores = [score for place in sound for score in recorded.cases[place]["official"]["scores"]]
    assert [_given(one).reward for one in answers] == scores


def test_the_reasons_and_the_official_rule_are_the_official_ones(recorded: Recorded) -> None:
    rewarder, compared = recorded.rewarder, 0
    for place, case in enumerate(recorded.cases):
        ready = (
            [rewarder.read(asked) for asked in recorded.asked[place]] if "reasons" in case else []
        )
        answers = rewarder.reward(ready, rules_of_fields(rewarder))
        for number, answer in enumerate(map(_given, answers)):
            official = answer.verdicts[rewarder.official]
            assert official.correct == case["geneval_correct"][number]
            strict, expected = answer.verdicts[rewarder.strict], case["reasons"][number]
            assert strict.correct == (expected == "")
            if expected:
                # Which of two relations is named first depends on Python's hash seed there.
                assert sorted(strict.reason.split()) == sorted(expected.split())
                compared += 1
    assert compared > 100


def test_an_empty_request_has_no_groups(recorded: Recorded) -> None:
    reply = five_fields(recorded.rewarder, [], False)
    assert list(reply.values()) == [[], [], [], {}, {}]


def test_any_benchmark_has_the_five_fields() -> None:
    """By its one rule, and by its tasks."""
    rewarder = Rewarder.of(Shapes(), detector=Finder(), device="cpu")
    assert rules_of_fields(rewarder) == ("first-box/1",)
    asked = [Asked(image_of(n, 16), prompt_id=str(n)) for n in range(6)]
    rewards = rewarder.reward([rewarder.read(one) for one in asked], rules_of_fields(rewarder))
    fields = five_fields(rewarder, [_given(one) for one in rewards], False)
    assert fields["scores"] == fields["rewards"] == fields["strict_rewards"]
    assert set(fields["scores"]) == {0.0, 1.0}
    groups = fields["group_rewards"]
    assert list(groups) == ["left", "right", "above"]
    for number, score in enumerate(fields["scores"]):
        column = [groups[task][number] for task in groups]
        assert sorted(column) == sorted([-10.0, -10.0, score])
        assert column[number % 3] == score
    strict = five_fields(rewarder, [_given(one) for one in rewards], True)
    assert strict["rewards"] == [0.0] * 6
    assert strict["strict_rewards"] == fields["strict_rewards"]
