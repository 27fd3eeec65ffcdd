"""What a run will cost, from two batches made and looked at here and thrown away."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from ..errors import UserError
from ..plugins import Method, NoImage
from ..runs.expected import Expected
from ..runs.record_lines import encode
from .looker import Look
from .open_images import encode_png
from .plan import planned

if TYPE_CHECKING:
    from PIL import Image

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Calibration:
    """Measured cost: ``load`` once per worker, the others per image; seconds and bytes.

    ``images`` is how many were timed; the first batch, in which everything is still cold, is not
    among them where there are two.
    """

    load: float
    generate: float
    detect: float
    bytes: float
    images: int

    def seconds(self, images: int, workers: int = 1) -> float:
        """Wall time of a run whose batches are shared out evenly."""
        return self.load + images * (self.generate + self.detect) / workers


def calibrate(
    expected: Expected, generator: Method, looks: Sequence[Look], batch_size: int
) -> Calibration:
    """Load the models, make the first two batches of the plan, and look at them; writes nothing.

    Raises:
        UserError: as loading, generating and detecting do.
    """
    by_id = expected.by_id
    if generator.served:
        raise UserError(
            "--calibrate would have images made by a server, which may charge for them, and throw "
            "them away: leave --calibrate out."
        )
    load = _timed(generator.load)[0]
    load += sum(_timed(wanted.looker.model.load)[0] for wanted in looks)
    for batch in planned(expected.keys(), batch_size)[:2]:
        requests = [expected.request(key) for key in batch]
        generate, images = _timed(partial(generator.generate, requests))
        found = [image for image in images if not isinstance(image, NoImage)]
        if len(found) < len(images):
            raise UserError(
                "the method has no image for some of the first prompts: leave --calibrate out."
            )
        encoding, files = _timed(partial(_encoded, found))
        detect, records = 0.0, 0
        for wanted in looks:
            asked = [tuple(wanted.asked(by_id[prompt_id])) for prompt_id, _ in batch]
            seconds, seen_in = _timed(partial(wanted.looker.seen, found, asked))
            detect += seconds
            for key, seen, image, one in zip(batch, seen_in, found, asked, strict=True):
                record = wanted.looker.record(key, None, seen, image, one, {})
                records += len(encode(record.to_json()))
        size = sum(map(len, files)) + records + _RECORD * len(batch)
        measured = Calibration(
            load,
            (generate + encoding) / len(batch),
            detect / len(batch),
            size / len(batch),
            len(batch),
        )
    return measured


_RECORD = 150
"""Bytes of an image's own record."""


def _encoded(images: Sequence[Image.Image]) -> list[bytes]:
    return [encode_png(image) for image in images]


def _timed(function: Callable[[], Answer]) -> tuple[float, Answer]:
    start = time.perf_counter()
    answer = function()
    return time.perf_counter() - start, answer
