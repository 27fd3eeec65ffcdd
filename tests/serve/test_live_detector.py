"""A detector is tried before it serves, and one that is broken rewards nobody with 0."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from spatialbench.detections import Detections
from spatialbench.errors import UserError
from spatialbench.plugins import Requirement
from spatialbench.prompts import Prompt
from spatialbench.serve.asked import Ready, Refused
from spatialbench.serve.live_detector import LiveDetector
from spatialbench.stages import canaries
from spatialbench.stages.first_look import PATIENCE
from tests.stages.fakes import Finder

NAMES = ("circle", "square")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPATIALBENCH_CACHE", str(tmp_path))


def ready(count: int) -> list[Ready]:
    prompt = Prompt("7", "a circle left of a square", "left")
    return [Ready(prompt, Image.new("RGB", (16, 16), (n, 9, 9))) for n in range(count)]


@dataclass
class Told(Finder):
    """Answers as it is told."""

    answers: Any = None
    done: list[str] = field(default_factory=list)

    def load(self) -> None:
        self.done.append("load")

    def self_test(self) -> str:
        self.done.append("self-test")
        return "sound"

    def detect(
        self, images: Sequence[Image.Image], labels: Sequence[Sequence[str]]
    ) -> list[Detections]:
        self.done.append("detect")
        if self.answers is None:
            return super().detect(images, labels)
        found: list[Detections] = self.answers(images)
        return found


def boxes(*labels: str, scale: float = 1.0, size: tuple[int, int] = (16, 16)) -> Detections:
    corners = [[0.5 * scale, 0.5 * scale, scale, scale]] * len(labels)
    return Detections.build(corners, [0.9] * len(labels), labels, *size)


class Live(LiveDetector):
    """With nothing put behind the detector."""

    def __init__(self, detector: Finder) -> None:
        super().__init__(detector, detector, NAMES, NAMES)

    def see(self, count: int, names: Sequence[str] = NAMES) -> None:
        self.look(ready(count), [names] * count, [False] * count)


def live(detector: Finder) -> Live:
    return Live(detector)


def test_it_is_loaded_and_tried_before_it_serves() -> None:
    detector = Told()
    canaries.record(detector)
    detector.done.clear()
    live(detector).load()
    assert detector.done[0] == "load"
    assert detector.done[-1] == "self-test"
    assert "detect" in detector.done


def test_a_canary_that_answers_otherwise_stops_it() -> None:
    detector = Told(answers=lambda images: [boxes("dog", "car", size=i.size) for i in images])
    canaries.record(detector)
    detector.answers = lambda images: [boxes("dog", size=i.size) for i in images]
    with pytest.raises(UserError, match=r"car .* is no longer found"):
        live(detector).load()


def test_what_fails_while_loading_names_the_detector() -> None:
    class Broken(Told):
        def load(self) -> None:
            raise RuntimeError("no such file")

    with pytest.raises(UserError, match="the detector finder@w1 fails with RuntimeError"):
        live(Broken()).load()

    class Lacking(Told):
        def requirements(self, names: object) -> list[Requirement]:
            return [Requirement("weights", "the weights are not here.")]

    with pytest.raises(UserError, match="the weights are not here"):
        live(Lacking()).load()


def test_what_is_missing_is_fetched() -> None:
    class Remote(Told):
        here = False

        def requirements(self, names: object) -> list[Requirement]:
            return [Requirement("weights", None if self.here else "far away", fetchable=True)]

        def download(self) -> None:
            self.here = True

    detector = Remote()
    live(detector).load()
    assert detector.here


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        (lambda images: [], "expected a list with Detections of each"),
        (lambda images: None, "expected a list with Detections of each"),
        (lambda images: [boxes("circle", size=(8, 8))] * len(images), "has 16 x 16"),
        (lambda images: ["circle"] * len(images), "returned a str"),
    ],
)
def test_what_no_detector_can_have_found_is_an_error(answers: Any, told: str) -> None:
    with pytest.raises(UserError, match=told):
        live(Told(answers=answers)).see(2)


def test_what_the_model_raises_is_raised() -> None:
    def fails(images: object) -> list[Detections]:
        raise RuntimeError("device lost")

    with pytest.raises(RuntimeError, match="device lost"):
        live(Told(answers=fails)).see(1)


@pytest.mark.parametrize("found", [(), ("elephant",)], ids=["nothing", "other names"])
def test_one_that_never_names_anything_rewards_nobody(found: tuple[str, ...]) -> None:
    detector = Told(answers=lambda images: [boxes(*found)] * len(images))
    looking = live(detector)
    looking.see(PATIENCE - 1)
    for _ in range(2):
        with pytest.raises(UserError, match=r"found nothing that was asked for .* rewarded"):
            looking.see(1)
    # One image in which something is found speaks for it, from then on.
    detector.answers = None
    looking.see(1)
    detector.answers = lambda images: [boxes(*found)] * len(images)
    looking.see(PATIENCE)


def test_names_of_a_clients_own_are_known_too() -> None:
    looking = live(Told(answers=lambda images: [boxes("unicorn", scale=8)] * len(images)))
    for _ in range(3):
        looking.see(PATIENCE, ["unicorn"])


def test_boxes_in_shares_of_the_image_are_refused() -> None:
    looking = live(Told(answers=lambda images: [boxes("circle")] * len(images)))
    with pytest.raises(UserError, match="look like shares of the image"):
        looking.see(1)


def test_a_name_is_asked_about_once() -> None:
    asked: list[str] = []

    class Few(Told):
        def requirements(self, names: Sequence[str]) -> list[Requirement]:  # type: ignore[override]
            asked.extend(names)
            return [Requirement("a word", "no word for it" if "unicorn" in names else None)]

    looking = live(Few())
    for _ in range(3):
        looking.require(NAMES)
        with pytest.raises(Refused, match="no word for it"):
            looking.require(["circle", "unicorn"])
    assert asked == ["circle", "square", "unicorn"]


def test_only_what_needs_more_goes_through_what_was_put_behind_it() -> None:
    """And every image comes back in its place."""
    plain = Told(answers=lambda images: [boxes("circle", scale=8)] * len(images))
    whole = Told(answers=lambda images: [boxes("square", scale=8)] * len(images))
    looking = LiveDetector(whole, plain, NAMES, NAMES)
    labels: list[Sequence[str]] = [NAMES, NAMES, (), NAMES, ()]
    found = looking.look(ready(5), labels, [True, False, True, True, False])
    assert [list(one.labels) for one in found] == [["square"], ["circle"], [], ["square"], []]
    assert (plain.done, whole.done) == (["detect"], ["detect"])
