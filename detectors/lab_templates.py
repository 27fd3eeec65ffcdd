"""The lab's second detector: compares an image with the pictograms of the world it should show.

It has no weights and learned nothing, so that it errs otherwise than the lab's small OWL-ViT: one
of the two can choose among images, and the other judge them. It knows the lab's world alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from spatialbench.detections import Detections
from spatialbench.errors import UserError
from spatialbench.plugins import Detector, DetectorPlugin
from spatialbench.plugins.requirements import Requirement, required

from .asked_names import require_known, require_lists

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

NAME = "lab-templates"
VERSION = 1
"""Raised whenever an image would get other boxes."""

FLOOR = 0.1
"""Boxes with a score above it are kept."""
OVERLAP = 0.3
"""Two boxes that share more than this of their union are one object: the better label's."""
MOST = 3
"""Boxes of each name, at most."""


class LabTemplates(Detector):
    """Pictograms of every size slid over the image; one candidate per place, best label each.

    The score of a place is the similarity 2<x, t> / (<x, x> + <t, t>) of what is seen and what is
    drawn, both as differences from the image's median colour: 1 for the drawing itself, 0 for
    nothing alike.
    """

    score_threshold = 0.65

    def identity(self) -> dict[str, Any]:
        """Name, version, and a hash of the drawings."""
        return {"detector": NAME, "version": VERSION, "pictograms": _drawings(), "floor": FLOOR}

    def signature(self) -> str:
        """``lab-templates@`` and the first digits of that hash."""
        return f"{NAME}@{_drawings()[:7]}"

    def load(self) -> None:
        """Nothing to load: the drawings are in the package."""

    def requirements(self, names: Collection[str]) -> Sequence[Requirement]:
        """That the lab's world has these names."""
        from spatialbench.lab.pictograms import NAMES

        check = required("its vocabulary", lambda: require_known([sorted(names)], NAMES, NAME))
        return [check] if check.missing else []

    def detect(
        self, images: Sequence[Image.Image], labels: Sequence[Sequence[str]]
    ) -> list[Detections]:
        """Look for ``labels[i]`` in ``images[i]``, of any size; boxes are squares.

        Raises:
            UserError: a name that the lab's world does not have.
        """
        from spatialbench.lab.pictograms import NAMES

        require_lists(images, labels)
        require_known(labels, NAMES, NAME)
        pairs = zip(images, labels, strict=True)
        return [_found(image, list(dict.fromkeys(asked))) for image, asked in pairs]

    def self_test(self) -> str:
        """What it finds in images of the world itself; see ``lab_canary``."""
        from .owlvit_canary import lab_canary

        return lab_canary(self)


class LabTemplatesPlugin(DetectorPlugin):
    """The entry point ``lab-templates``."""

    name = NAME
    summary = "the lab's pictograms slid over the image: for images of the lab alone, no weights"

    @property
    def signature_start(self) -> str:
        """How the signature begins, whatever the drawings."""
        return f"{NAME}@"

    def configure(self, weights: str | None, device: str, offline: bool) -> LabTemplates:
        """The detector.

        Raises:
            UserError: weights, which it does not have.
        """
        if weights is not None:
            raise UserError(f"{NAME} has no weights: leave out ':{weights}'.")
        return LabTemplates()


PLUGIN = LabTemplatesPlugin()


@cache
def _drawings() -> str:
    from spatialbench.lab.pictograms import PICTOGRAMS
    from spatialbench.runs.identity import canonical_json

    return hashlib.sha256(canonical_json(PICTOGRAMS).encode()).hexdigest()


@cache
def _template(name: str, size: int) -> tuple[Tensor, Tensor]:
    """Colours (3, size, size), 0 to 255, and opacity (1, size, size), 0 to 1, of a drawing."""
    import numpy as np
    import torch

    from spatialbench.lab.pictograms import PICTOGRAMS, render

    drawn = np.asarray(render(PICTOGRAMS[name], size), dtype=np.float32)
    whole = torch.from_numpy(drawn.copy()).permute(2, 0, 1)
    return whole[:3], whole[3:] / 255


def _found(image: Image.Image, asked: Sequence[str]) -> Detections:
    """The objects of one image."""
    import numpy as np
    import torch

    from spatialbench.lab.world import SIDE

    width, height = image.size
    small = image.convert("RGB").resize((SIDE, SIDE))
    pixels = torch.from_numpy(np.array(small, dtype=np.float32)).permute(2, 0, 1)
    ground = pixels.flatten(1).median(1).values.view(3, 1, 1)
    candidates = sorted(
        (one for name in asked for one in _candidates(pixels - ground, ground, name)),
        key=lambda one: -one[0],
    )
    kept: list[tuple[float, str, tuple[int, int, int]]] = []
    for one in candidates:
        of_name = sum(other[1] == one[1] for other in kept)
        if of_name < MOST and all(_overlap(one[2], other[2]) <= OVERLAP for other in kept):
            kept.append(one)
    scale = np.array([width, height, width, height]) / SIDE
    boxes = [np.array([x, y, x + size, y + size]) * scale for _, _, (x, y, size) in kept]
    return Detections.build(
        boxes, [score for score, *_ in kept], [name for _, name, _ in kept], width, height
    )


def _candidates(
    seen: Tensor, ground: Tensor, name: str
) -> Iterator[tuple[float, str, tuple[int, int, int]]]:
    """Score, name and square (x, y, size) of the best places of a drawing, per size and side."""
    import torch
    from torch.nn import functional as F

    from spatialbench.lab.world import SIZES

    energy = seen.square().sum(0)[None, None]
    for size in range(SIZES[0], SIZES[1] + 1, 2):
        colours, opacity = _template(name, size)
        drawn = opacity * (colours - ground)
        both = torch.stack([drawn, drawn.flip(-1)])
        alike = F.conv2d(seen[None], both)[0]
        there = F.avg_pool2d(energy, size, 1, divisor_override=1)[0]
        scores = 2 * alike / (there + drawn.square().sum()).clamp(min=1.0)
        best = scores.amax(0)
        # A place is a candidate where no neighbour is better.
        peak = best == F.max_pool2d(best[None], 9, 1, 4)[0]
        for y, x in (peak & (best > FLOOR)).nonzero().tolist():
            yield min(float(best[y, x]), 1.0), name, (x, y, size)


def _overlap(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    """Intersection over union of two squares (x, y, size)."""
    sides = [min(one[i] + one[2], other[i] + other[2]) - max(one[i], other[i]) for i in (0, 1)]
    shared = max(sides[0], 0) * max(sides[1], 0)
    return shared / (one[2] ** 2 + other[2] ** 2 - shared)
