"""From an asked image to its reward, without a server around it."""

from __future__ import annotations

import io
import json
import math
import struct
import subprocess
import sys
import zlib
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import spatialbench
from spatialbench.benchmarks.geneval import PLUGIN as GENEVAL
from spatialbench.benchmarks.geneval.trainer_rules import PARTIAL
from spatialbench.detections import Detections
from spatialbench.errors import UserError
from spatialbench.plugins import Detector, Requirement, Rule, Verdict, required
from spatialbench.prompts import Prompt
from spatialbench.serve.asked import Asked, Refused, Reward
from spatialbench.serve.rewarder import Rewarder
from spatialbench.stages import canaries
from tests.serve.recorded import RecordedDetector, image_of
from tests.stages.fakes import Finder, FirstBoxRule, Shapes

KINDS = ("PNG", "JPEG", "WEBP")
CUP = {"tag": "colors", "include": [{"class": "cup", "count": 1, "color": "red"}], "prompt": "p"}


@dataclass
class Known(Finder):
    """A finder that has words for some names only."""

    words: frozenset[str] = frozenset({"circle", "square"})

    def requirements(self, names: Collection[str]) -> Sequence[Requirement]:
        def check() -> None:
            if unknown := sorted(set(names) - self.words):
                raise UserError(f"it has no word for {unknown[0]!r}.")

        return [required("its words", check)]


def shapes(detector: Detector | None = None, rule: Rule | None = None, **more: Any) -> Rewarder:
    made = Rewarder.of(Shapes(), detector=detector or Finder(), rule=rule, device="cpu", **more)
    made.load()
    return made


def geneval(detector: Detector, **more: Any) -> Rewarder:
    made = Rewarder.of("geneval", detector=detector, device="cpu", **more)
    made.load()
    return made


def given(answers: Sequence[Reward | Refused]) -> list[Reward]:
    found = [one for one in answers if isinstance(one, Reward)]
    assert len(found) == len(answers), answers
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_the_pixels_are_those_of_the_file(kind: str) -> None:
    content = image_of(1, 24, kind)
    ready = shapes().read(Asked(content, prompt_id="3"))
    assert (ready.prompt.id, ready.image.mode, ready.image.size) == ("3", "RGB", (24, 24))
    assert ready.image.tobytes() == Image.open(io.BytesIO(content)).convert("RGB").tobytes()


def header_alone(width: int, height: int) -> bytes:
    """A PNG of that size with next to no pixels."""
    chunks = (
        b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0),
        b"IDAT" + zlib.compress(bytes(99)),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
        for chunk in chunks
    )


def gif() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "GIF")
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "the file is empty"),
        (b"<html>no image</html>", "no whole PNG or JPEG or WEBP"),
        (image_of(0)[:700], "no whole PNG"),
        (image_of(0, 32, "JPEG")[:900], "no whole PNG or JPEG"),
        (gif(), "no whole PNG"),
        (header_alone(9_000, 9_000), "9000 x 9000 pixels, and at most 1,024 are read"),
        (header_alone(65_000, 65_000), "at most 1,024 pixels are read, and it has far more"),
        (image_of(0, 33), "33 x 33 pixels, and at most 1,024 are read"),
    ],
    ids=["empty", "html", "cut png", "cut jpeg", "gif", "bomb", "larger bomb", "too large"],
)
def test_what_is_no_image_is_refused(content: bytes, told: str) -> None:
    rewarder = shapes(most_pixels=1024)
    assert rewarder.read(Asked(image_of(0, 32), prompt_id="0")).image.size == (32, 32)
    with pytest.raises(Refused) as error:
        rewarder.read(Asked(content, prompt_id="0"))
    assert told in str(error.value)
    assert "expected the bytes of a whole PNG, JPEG or WEBP file" in str(error.value)


def test_the_reward_is_the_score_of_the_rule() -> None:
    rewarder = shapes()
    images = [image_of(n, 16, KINDS[n % 3]) for n in range(8)]
    ready = [rewarder.read(Asked(one, prompt_id=str(n))) for n, one in enumerate(images)]
    rewards = given(rewarder.reward(ready))
    assert {one.reward for one in rewards} == {0.0, 1.0}
    for number, one in enumerate(rewards):
        assert one.prompt_id == str(number)
        assert one.reward == one.verdict.score == float(one.verdict.correct)
        assert dict(one.verdicts) == {"first-box/1": one.verdict}
        assert one.group == ready[number].prompt.task
        assert one.verdict.reason.startswith(f"{number} ")


def test_several_rules_at_a_time() -> None:
    detector = RecordedDetector()
    seen = {
        "boxes": {"dog": [[0, 0, 9, 9, 0.9], [9, 9, 20, 20, 0.8]]},
        "colors": {"dog": ["red"] * 2},
    }
    dogs = detector.record(image_of(0), seen)
    rewarder = geneval(detector)
    assert rewarder.rules == ("geneval-partial/1", "geneval-official/1", "geneval-strict/1")
    ready = rewarder.read(Asked(dogs, text="a photo of a dog"))
    (alone,) = given(rewarder.reward([ready]))
    assert list(alone.verdicts) == ["geneval-partial/1"]
    (all_three,) = given(rewarder.reward([ready], rewarder.rules))
    scores = {name: verdict.score for name, verdict in all_three.verdicts.items()}
    assert scores == dict(zip(rewarder.rules, (0.0, 1.0, 0.0), strict=True))
    assert all_three.reward == alone.reward == 0.0
    by_strict = geneval(detector, rule="geneval-strict/1")
    assert by_strict.rules == ("geneval-strict/1", "geneval-official/1")
    with pytest.raises(Refused, match="'nearby/1' is not one of this server"):
        rewarder.reward([ready], ["nearby/1"])


def test_an_image_that_a_rule_refuses_takes_no_other_along() -> None:
    """A colour that nobody looked at is no wrong colour, and no reward of 0."""
    detector = RecordedDetector()
    cup = {"boxes": {"cup": [[0, 0, 9, 9, 0.9]]}, "colors": {"cup": ["red"]}}
    images = [
        detector.record(image_of(0), cup),
        detector.record(image_of(1), cup | {"colors": {"cup": [None]}}),
        detector.record(image_of(2), cup | {"colors": {"cup": ["blue"]}}),
    ]
    rewarder = geneval(detector)
    ready = [rewarder.read(Asked(one, CUP)) for one in images]
    first, refused, last = rewarder.reward(ready, rewarder.rules)
    assert isinstance(refused, Refused)
    assert "hold none for the cup" in str(refused)
    assert [one.reward for one in given([first, last])] == [1.0, 0.5]


@dataclass
class Strange(FirstBoxRule):
    """Gives what a rule should not."""

    gives: Any = None

    def judge(self, prompt: Prompt, detections: Detections, threshold: float) -> Verdict:
        if isinstance(self.gives, Exception) and len(detections):
            raise self.gives
        return Verdict(True, self.gives, "as told")


@pytest.mark.parametrize(
    ("gives", "told"),
    [
        (math.nan, "gave the score nan"),
        (math.inf, "gave the score inf"),
        (KeyError("x"), "the rule first-box/1 fails with KeyError"),
    ],
)
def test_a_rule_that_fails_gives_no_reward(gives: Any, told: str) -> None:
    rewarder = shapes(rule=Strange(gives=gives))
    (answer,) = rewarder.reward([rewarder.read(Asked(image_of(0), prompt_id="0"))])
    assert isinstance(answer, Refused)
    assert told in str(answer)


@pytest.mark.parametrize("kind", ["depth", "masks", "answers"])
def test_a_rule_that_needs_more_than_boxes_is_refused_first(kind: str) -> None:
    rule = FirstBoxRule()
    rule.needs = ("boxes", kind)
    with pytest.raises(UserError, match=f"first-box/1 needs {kind} of every image"):
        shapes(rule=rule)


class Half(FirstBoxRule):
    """Says nothing of prompts to the right, or of any."""

    def __init__(self, words: Sequence[str] = ("right",)) -> None:
        super().__init__()
        self._words = words

    def judge(self, prompt: Prompt, detections: Detections, threshold: float) -> Verdict:
        if prompt.task in self._words:
            return Verdict(False, 0.0, "not judged: to the right", {"judged": False})
        return super().judge(prompt, detections, threshold)


def test_an_image_that_the_rule_leaves_out_has_no_reward() -> None:
    rewarder = shapes(rule=Half())
    ready = [rewarder.read(Asked(image_of(n, 16), prompt_id=str(n))) for n in range(3)]
    left, right, above = rewarder.reward(ready)
    assert isinstance(right, Refused)
    assert str(right) == "this image has no reward: not judged: to the right."
    assert len(given([left, above])) == 2
    with pytest.raises(UserError, match="says nothing of any of the 12 prompts"):
        shapes(rule=Half(("left", "right", "above")))
    # GenEval's own rule cannot judge the prompts of another benchmark.
    with pytest.raises(UserError, match="has no GenEval metadata"):
        shapes(rule=PARTIAL.build(GENEVAL, None, {}))


def test_names_without_a_word_are_refused_before_they_are_looked_for() -> None:
    with pytest.raises(UserError, match="has no word for 'square'"):
        shapes(Known(words=frozenset({"circle"})))
    names = {name for prompt in GENEVAL.prompts("all") for name in GENEVAL.labels(prompt)}
    detector = Known(words=frozenset(names))
    detector.has_colours = True
    rewarder = geneval(detector, rule="geneval-strict/1")
    unicorn = {"tag": "x", "include": [{"class": "unicorn", "count": 1}], "prompt": "a unicorn"}
    for _ in range(2):
        with pytest.raises(Refused, match="has no word for 'unicorn'"):
            rewarder.read(Asked(image_of(0), unicorn))
    assert rewarder.read(Asked(image_of(0), CUP)).prompt.objects == ("cup",)


def test_images_of_which_nothing_is_asked_are_not_looked_at() -> None:
    detector = RecordedDetector()
    rewarder = geneval(detector)
    nothing = {"tag": "x", "include": [], "prompt": "anything"}
    ready = rewarder.read(Asked(image_of(5), nothing))
    assert [one.reward for one in given(rewarder.reward([ready]))] == [0.0]
    assert rewarder.reward([]) == []
    assert detector.passes == []


def test_what_is_served_can_be_shown() -> None:
    identity = shapes().identity()
    assert json.loads(json.dumps(identity)) == identity
    assert identity["benchmark"] == "shapes:all"
    assert (identity["rule"], identity["threshold"]) == ("first-box/1", 0.1)
    assert (identity["detector"], identity["prompts"]) == ("finder@w1", 12)
    assert identity["groups"] == ["left", "right", "above"]
    assert shapes(threshold=0.7).identity()["threshold"] == 0.7


def test_names_mean_what_they_mean_elsewhere(tmp_path: Path) -> None:
    told: list[str] = []
    made = Rewarder.of("geneval", device="cpu", notice=told.append)
    assert (made.subset, made.rule) == ("all", "geneval-partial/1")
    assert (made.official, made.strict) == ("geneval-official/1", "geneval-strict/1")
    assert told == [
        "rule: geneval-partial/1, the one geneval has for rewards",
        "detector: mask2former, the one geneval prescribes",
    ]
    assert Rewarder.of("geneval:counting", device="cpu").subset == "counting"
    # In a process of its own, because a benchmark from a file is known by its name from then on.
    (tmp_path / "own.py").write_text(
        "from spatialbench.benchmarks.geneval.plugin import GenEval\n"
        "MINE = GenEval()\nMINE.name = 'mine'\n"
    )
    code = (
        "from spatialbench.serve.rewarder import Rewarder\n"
        "for bench in ('own.py:MINE', 'own.py:MINE:position'):\n"
        "    print(Rewarder.of(bench, device='cpu').subset)"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.split() == ["all", "position"]
    assert Rewarder.of("visor", rule="pse", device="cpu").rule == "pse/1"
    wrong: dict[str, Any]
    for wrong, message in (
        ({"rule": "nearby"}, "unknown rule of geneval"),
        ({"detector": "nobody"}, "unknown detector"),
        ({"threshold": 1.5}, "is not a detection score"),
        ({"device": "abacus"}, "is not a device"),
        ({"metadata": tmp_path / "none.jsonl"}, "No such file"),
    ):
        with pytest.raises(UserError, match=message):
            Rewarder.of("geneval", **({"device": "cpu"} | wrong))


def test_a_threshold_and_a_detectors_own() -> None:
    """As in a run: counting keeps its own, unless the detector says what counts."""
    detector = RecordedDetector()
    seen = {"boxes": {"cup": [[0, 0, 9, 9, 0.6]]}, "colors": {"cup": ["red"]}}
    cup = detector.record(image_of(0), seen)
    one = {"include": [{"class": "cup", "count": 1}], "prompt": "p"}

    def rewards(**how: Any) -> list[float]:
        rewarder = geneval(detector, **how)
        asked = [Asked(cup, {"tag": tag, **one}) for tag in ("single_object", "counting")]
        return [found.reward for found in given(rewarder.reward([*map(rewarder.read, asked)]))]

    assert rewards() == [1.0, 0.0]
    assert rewards(threshold=0.7) == [0.0, 0.0]
    assert rewards(rule="geneval-partial:counting_threshold=0.5") == [1.0, 1.0]
    detector.score_threshold = 0.5
    assert rewards() == [1.0, 1.0]


def test_many_threads_read_alike() -> None:
    rewarder = shapes()
    asked = [Asked(image_of(n, 16), prompt_id=str(n % 12)) for n in range(64)]
    with ThreadPoolExecutor(8) as pool:
        ready = list(pool.map(rewarder.read, asked))
    assert [one.prompt.id for one in ready] == [one.prompt_id for one in asked]
    again = [rewarder.read(one) for one in asked]
    assert [a.image.tobytes() for a in ready] == [b.image.tobytes() for b in again]


def test_a_real_detector_in_any_company() -> None:
    """The lab's own scenes, of several sizes and prompts, alone and together."""
    rewarder = Rewarder.of("visor", detector="lab-owlvit", device="cpu", offline=True)
    rewarder.load()
    asked = []
    for number, (image, (left, right)) in enumerate(canaries.images()):
        file = io.BytesIO()
        image.resize((200 + 40 * number, 256)).save(file, "PNG")
        for word in ("left", "right"):
            text = f"a {left} to the {word} of a {right}"
            asked.append(Asked(file.getvalue(), text=text))
    ready = [rewarder.read(one) for one in asked]
    alone = [given(rewarder.reward([one]))[0] for one in ready]
    assert [one.reward for one in alone] == [1.0, 0.0] * 4
    together = given(rewarder.reward(ready[::-1]))[::-1]
    for one, other in zip(alone, together, strict=True):
        assert (one.prompt_id, one.reward, one.verdict.correct) == (
            *(other.prompt_id, other.reward),
            other.verdict.correct,
        )
        assert np.allclose(
            [float(fact) for fact in one.verdict.facts.values()],
            [float(fact) for fact in other.verdict.facts.values()],
            atol=1e-4,
        )


@pytest.mark.parametrize("rule", ["geneval-strict/1", "geneval-partial/1", "official"])
def test_a_run_gives_every_image_the_score_that_a_trainer_is_told(
    tmp_path: Path, rule: str
) -> None:
    detector = RecordedDetector()
    ids = [prompt.id for prompt in GENEVAL.prompts("all")[::60]]
    images = {}
    for number, prompt_id in enumerate(ids):
        prompt = next(one for one in GENEVAL.prompts("all") if one.id == prompt_id)
        # One of each object but one, in a row: some prompts are right and most are not.
        names = [*prompt.objects, *prompt.objects[: number % 3]]
        boxes: dict[str, list[list[float]]] = {name: [] for name in names}
        for place, name in enumerate(names):
            boxes[name].append([9 * place, 9, 9 * place + 6, 15, 0.95 - place / 100])
        colours = {name: ["red"] * len(found) for name, found in boxes.items()}
        content = detector.record(image_of(number), {"boxes": boxes, "colors": colours})
        images[prompt_id, 0] = Image.open(io.BytesIO(content)).convert("RGB")
    run = spatialbench.score(
        images,
        "geneval:all",
        name="mine",
        only=ids,
        images_per_prompt=1,
        detector=detector,
        rule=rule,
        out=tmp_path,
        device="cpu",
        progress=False,
    )
    rewarder = geneval(detector, rule=rule)
    told = {}
    for (prompt_id, _), image in images.items():
        file = io.BytesIO()
        image.save(file, "PNG")
        (answer,) = given(
            rewarder.reward([rewarder.read(Asked(file.getvalue(), prompt_id=prompt_id))])
        )
        told[prompt_id] = (answer.reward, answer.verdict.correct, answer.verdict.reason)
    frame = run.frame()
    assert told == {
        row.prompt_id: (row.score, row.correct, row.reason) for row in frame.itertuples()
    }
    assert len(set(frame["score"])) > 1
