"""The painter of squares, slow: for processes that are to be stopped while a batch is in hand.

The environment says which file every batch waits for (``SLOW_SQUARES_AWAITED``) and in which folder
(``SLOW_SQUARES_MARKERS``) each leaves a marker when it is begun. ``SLOW_SQUARES_ONCE`` names a
skill with which alone it waits, and not before the second batch of a process. The package of the
squares must be on the path, also that of workers elsewhere.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from coloured_squares.painter import Painter, PainterPlugin
from spatialbench.plugins import GenerationSettings, ImageRequest

_begun: list[float] = []
"""The skill of every batch of this process."""


@dataclass(frozen=True)
class SlowPainter(Painter):
    """Leaves a marker in a folder when it begins a batch, and waits until a file is there."""

    def generate(self, requests: Sequence[ImageRequest]) -> list[Image.Image]:
        first = requests[0]
        (Path(os.environ["SLOW_SQUARES_MARKERS"]) / f"{first.prompt.id}-{first.index}").touch()
        once = os.environ.get("SLOW_SQUARES_ONCE")
        _begun.append(self.skill)
        waits = once is None or (self.skill == float(once) and _begun.count(self.skill) > 1)
        while waits and not Path(os.environ["SLOW_SQUARES_AWAITED"]).exists():
            time.sleep(0.02)
        return list(super().generate(requests))


def configure(
    self: PainterPlugin, settings: GenerationSettings, parameters: Mapping[str, Any]
) -> SlowPainter:
    """The plug-in's own, but slow."""
    return SlowPainter(float(parameters.get("skill", 0.75)))


if __name__ == "__main__":
    # Under its importable name, which workers elsewhere look it up by.
    from spatialbench.cli import main
    from tests.faults import slow_squares

    setattr(PainterPlugin, "configure", slow_squares.configure)  # noqa: B010
    sys.exit(main(sys.argv[1:]))
