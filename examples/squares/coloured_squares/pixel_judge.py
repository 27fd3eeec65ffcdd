"""A judge that answers "is there a red square?" by counting pixels of that colour."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from spatialbench.plugins import Judge, JudgePlugin

from . import COLOURS

SURE = 144
"""Pixels from which on it is quite sure: those of one square."""


class PixelJudge(Judge):
    def identity(self) -> dict[str, Any]:
        return {"judge": "pixel-judge", "version": 1, "sure": SURE}

    def signature(self) -> str:
        return "pixel-judge@1"

    def load(self) -> None:
        pass

    def answer(
        self, images: Sequence[Image.Image], questions: Sequence[Sequence[str]]
    ) -> list[list[float]]:
        return [
            [_share(np.asarray(image.convert("RGB")), question) for question in asked]
            for image, asked in zip(images, questions, strict=True)
        ]


def _share(pixels: Any, question: str) -> float:
    """The pixels of the named square, as a share of ``SURE``; 0 for what it does not know."""
    named = re.fullmatch(r"is there a (.+)\?", question)
    colour = COLOURS.get(named[1]) if named else None
    if colour is None:
        return 0.0
    return min(1.0, float((pixels == colour).all(axis=2).sum()) / SURE)


class PixelJudgePlugin(JudgePlugin):
    name = "pixel-judge"
    summary = "answers whether a square is there by counting its pixels"

    def configure(self, weights: str | None, device: str, offline: bool) -> PixelJudge:
        return PixelJudge()


PLUGIN = PixelJudgePlugin()
