"""Canary records: what a detector found when it was trusted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from spatialbench.detections import Detections
from spatialbench.errors import UserError
from spatialbench.plugins import Detector
from spatialbench.stages import canaries


class Eye(Detector):
    """Finds each asked object, scored by the brightness of the image, and a weak ghost."""

    def __init__(self) -> None:
        self.score_shift = 0.0
        self.box_shift = 0.0
        self.extra: list[str] = []
        self.version = 1
        self.ghosts = True

    def identity(self) -> dict[str, Any]:
        return {"detector": "eye", "version": self.version}

    def signature(self) -> str:
        return "eye@1"

    def load(self) -> None:
        pass

    def detect(
        self, images: Sequence[Image.Image], labels: Sequence[Sequence[str]]
    ) -> list[Detections]:
        found = []
        for image, asked in zip(images, labels, strict=True):
            names = [*asked, *self.extra]
            strong = 0.3 + np.asarray(image).mean() / 512 + self.score_shift
            boxes = [[10 * i + self.box_shift, 5, 10 * i + 40, 60] for i in range(len(names))]
            scores = [strong] * len(names)
            if self.ghosts:
                names, boxes, scores = [*names, "dog"], [*boxes, [0, 0, 9, 9]], [*scores, 0.11]
            found.append(Detections.build(boxes, scores, names, image.width, image.height))
        return found


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SPATIALBENCH_CACHE", str(tmp_path))
    return tmp_path


def test_without_a_record_there_is_nothing_to_compare() -> None:
    assert canaries.check(Eye()) is None


def test_the_same_answers_pass_and_small_differences_too(cache: Path) -> None:
    eye = Eye()
    assert canaries.record(eye).parent == cache / "canaries"
    said = "8 boxes in 4 canary images as recorded"
    assert canaries.check(eye) == said
    eye.score_shift, eye.box_shift, eye.ghosts = 0.015, 2.0, False
    assert canaries.check(eye) == said


@pytest.mark.parametrize(
    ("attribute", "value", "message"),
    [
        ("score_shift", 0.05, r"dog \(0\.\d{3}\) is no longer found"),
        ("score_shift", -0.4, r"dog \(0\.\d{3}\) is no longer found"),
        ("box_shift", 4.0, r"dog \(0\.\d{3}\) is no longer found"),
        ("extra", ["sofa"], r"sofa \(0\.\d{3}\) is new"),
    ],
)
def test_drift_refuses_to_score(attribute: str, value: Any, message: str) -> None:
    eye = Eye()
    canaries.record(eye)
    setattr(eye, attribute, value)
    with pytest.raises(UserError, match=message):
        canaries.check(eye)


def test_another_version_has_a_record_of_its_own() -> None:
    eye = Eye()
    canaries.record(eye)
    eye.version = 2
    assert canaries.check(eye) is None


def test_a_damaged_record_is_no_pass() -> None:
    eye = Eye()
    canaries.record(eye).write_text("{")
    with pytest.raises(UserError, match="cannot be read"):
        canaries.check(eye)


def test_the_images_show_what_they_are_said_to_show() -> None:
    shown = canaries.images()
    assert [names for _, names in shown] == [list(pair) for pair in canaries.PAIRS]
    again = canaries.images()
    for (image, _), (same, _) in zip(shown, again, strict=True):
        assert image.size == (256, 256)
        assert image.tobytes() == same.tobytes()
        assert np.asarray(image).std() > 10


class Refusing(Eye):
    """Has labels of its own, in which nothing of the canary images stands."""

    def __init__(self, error: Exception, always: bool = False) -> None:
        super().__init__()
        self.error = error
        self.always = always

    def detect(
        self, images: Sequence[Image.Image], labels: Sequence[Sequence[str]]
    ) -> list[Detections]:
        if self.always or any(labels):
            raise self.error
        return super().detect(images, labels)


@pytest.mark.parametrize("error", [UserError("no dog here."), KeyError("dog"), ValueError("dog")])
def test_one_that_does_not_know_the_names_is_told_from_one_that_fails(error: Exception) -> None:
    for look in (canaries.differs_when_repeated, canaries.record):
        with pytest.raises(canaries.NotAnswered, match=r"which show dog, car, cat.*dog"):
            look(Refusing(error))
        with pytest.raises(UserError) as failed:
            look(Refusing(error, always=True))
        assert not isinstance(failed.value, canaries.NotAnswered)
    with pytest.raises(UserError, match="eye@1 fails with RuntimeError: out of memory"):
        canaries.record(Refusing(RuntimeError("out of memory")))
