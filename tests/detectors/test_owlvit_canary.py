"""The canaries tell a detector that sees from one that does not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from PIL import Image

from spatialbench.detections import Detections
from spatialbench.detectors.owlvit_canary import lab_canary, plain_canary
from spatialbench.errors import UserError
from spatialbench.plugins import Detector


class _Answers(Detector):
    """A detector that finds each asked name once, at a score its image decides."""

    def __init__(self, blind: bool = False, score: float = 0.9, misses: int = 0) -> None:
        self.blind, self.score, self.misses = blind, score, misses

    def identity(self) -> dict[str, Any]:
        return {}

    def signature(self) -> str:
        return "answers"

    def load(self) -> None:
        pass

    def detect(
        self, images: Sequence[Image.Image], labels: Sequence[Sequence[str]]
    ) -> list[Detections]:
        return [
            self._find(image, names[: 1 if i < self.misses else None])
            for i, (image, names) in enumerate(zip(images, labels, strict=True))
        ]

    def _find(self, image: Image.Image, names: Sequence[str]) -> Detections:
        seen = 0.0 if self.blind else float(np.asarray(image).std()) / 1000
        boxes = [[0, 0, 1, 1]] * len(names)
        return Detections.build(boxes, [self.score - seen] * len(names), names, *image.size)


def test_one_that_sees_passes() -> None:
    assert lab_canary(_Answers()) == "finds both objects in 16 of 16 images of the lab"
    assert lab_canary(_Answers(misses=4)).startswith("finds both objects in 12 of 16")
    assert "(2 and 2 weak boxes)" in plain_canary(_Answers())


@pytest.mark.parametrize("broken", [_Answers(misses=5), _Answers(score=0.1)])
def test_one_that_misses_objects_fails_the_labs_canary(broken: _Answers) -> None:
    with pytest.raises(UserError, match="expected at least 12"):
        lab_canary(broken)


def test_a_blind_one_fails_the_plain_canary() -> None:
    with pytest.raises(UserError, match="the same answer"):
        plain_canary(_Answers(blind=True))
