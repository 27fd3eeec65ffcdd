"""A method without a model: it paints both squares, rightly placed as often as its skill says."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image, ImageDraw

from spatialbench.errors import UserError
from spatialbench.plugins import GenerationSettings, ImageRequest, Method, MethodPlugin, Parameter
from spatialbench.relations import Relation

from . import COLOURS

_OFFSET = {
    Relation.LEFT: (-1, 0),
    Relation.RIGHT: (1, 0),
    Relation.ABOVE: (0, -1),
    Relation.BELOW: (0, 1),
    # Side by side, whatever the depth: a flat image has none.
    Relation.IN_FRONT: (-1, 0),
    Relation.BEHIND: (-1, 0),
}


@dataclass(frozen=True)
class Painter(Method):
    skill: float
    side: int = 64

    def identity(self) -> dict[str, Any]:
        return {
            "method": "painter",
            "version": 1,
            "parameters": {"skill": self.skill},
            "backbone": {"name": "paint", "revision": "0000001"},
            "steps": 1,
            "width": self.side,
            "height": self.side,
        }

    def load(self) -> None:
        pass

    def generate(self, requests: Sequence[ImageRequest]) -> list[Image.Image]:
        return [self._paint(request) for request in requests]

    def _paint(self, request: ImageRequest) -> Image.Image:
        triplet = request.prompt.triplet
        assert triplet is not None
        chance = random.Random(f"{request.prompt.id}/{request.seed}")
        dx, dy = _OFFSET[triplet.relation]
        sign = 1 if chance.random() < self.skill else -1
        image = Image.new("RGB", (self.side, self.side), (250, 250, 245))
        draw = ImageDraw.Draw(image)
        for name, way in ((triplet.subject, sign), (triplet.object, -sign)):
            x, y = self.side // 2 + 16 * dx * way, self.side // 2 + 16 * dy * way
            draw.rectangle((x - 6, y - 6, x + 5, y + 5), fill=COLOURS[name])
        return image


class PainterPlugin(MethodPlugin):
    name = "painter"
    summary = "paints squares, rightly placed as often as its skill says"
    parameters: Mapping[str, Parameter] = {"skill": Parameter(0.75, "share of right images")}

    def configure(self, settings: GenerationSettings, parameters: Mapping[str, Any]) -> Painter:
        skill = parameters.get("skill", 0.75)
        if isinstance(skill, bool) or not isinstance(skill, int | float) or not 0 <= skill <= 1:
            raise UserError(f"skill={skill}: expected a number from 0 to 1, as in --set skill=0.5.")
        return Painter(float(skill))


PLUGIN = PainterPlugin()
