"""A batch that fails again and again is left out, remembered, and tried by the next command."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from spatialbench.detections import Detections
from spatialbench.plugins import ImageRequest
from spatialbench.runs.status import status
from spatialbench.stages.whole import run_all
from tests.stages.fakes import Finder, Log, Painter, open_shapes, snapshot, work


@dataclass
class Choosy(Painter):
    """Fails on the batch that holds image 0 of prompt 5."""

    def generate(self, requests: Sequence[ImageRequest]) -> list[Image.Image]:
        if any((r.prompt.id, r.index) == ("5", 0) for r in requests):
            raise ValueError("not a five")
        return super().generate(requests)


@dataclass
class Squeamish(Finder):
    """Fails on the image that holds a certain pixel."""

    pixel: tuple[int, ...] = ()

    def detect(
        self, images: Sequence[Image.Image], labels: Sequence[Sequence[str]]
    ) -> list[Detections]:
        if any(image.getpixel((0, 0)) == self.pixel for image in images):
            raise ZeroDivisionError
        return super().detect(images, labels)


def test_images_that_cannot_be_made(tmp_path: Path) -> None:
    run_all(open_shapes(tmp_path / "whole"), work(), Log())
    folder, log = tmp_path / "run", Log()
    summary = run_all(open_shapes(folder, painter=Choosy()), work(Choosy()), log)
    assert summary is not None
    assert (summary.images, summary.images_expected, summary.partial) == (20, 24, True)
    (notice,) = log.notices
    assert notice.startswith("generate gave up 4 image(s), ")
    assert notice.endswith("failed 3 times: ValueError: not a five; the rest goes on.")
    assert status(open_shapes(folder)).given_up == [notice.removesuffix("; the rest goes on.")]
    run_all(open_shapes(folder), work(), Log())
    assert status(open_shapes(folder)).given_up == []
    assert snapshot(folder) == snapshot(tmp_path / "whole")


def test_images_that_cannot_be_looked_at(tmp_path: Path) -> None:
    run = open_shapes(tmp_path / "whole")
    run_all(run, work(), Log())
    with Image.open(run.directory.image_path("5", 0)) as image:
        pixel = image.getpixel((0, 0))
    assert isinstance(pixel, tuple)
    folder, log = tmp_path / "run", Log()
    squeamish = Squeamish(pixel=pixel)
    summary = run_all(open_shapes(folder), work(finder=squeamish), log)
    assert summary is not None
    assert summary.images == 23
    assert log.notices[0] == "detect gave up 1 image(s), 5/0: ZeroDivisionError; the rest goes on."
    (sentence,) = status(open_shapes(folder)).given_up
    assert sentence.startswith("detect with finder@w1 gave up 1 image(s), 5/0: ZeroDivisionError")
    run_all(open_shapes(folder), work(), Log())
    assert snapshot(folder) == snapshot(tmp_path / "whole")


def test_a_painter_that_always_fails_keeps_its_traceback(tmp_path: Path) -> None:
    class Broken(Painter):
        def generate(self, requests: Sequence[ImageRequest]) -> list[Image.Image]:
            raise ZeroDivisionError("a bug")

    with pytest.raises(ZeroDivisionError, match="a bug"):
        run_all(open_shapes(tmp_path), work(Broken()), Log())
