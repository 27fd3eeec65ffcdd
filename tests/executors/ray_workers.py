"""Workers for the tests of the Ray executor; they leave marks in a folder of what they did."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from PIL import Image

from spatialbench.plugins import ImageRequest
from tests.stages.fakes import Painter


@dataclass
class Patient(Painter):
    """Makes one batch, and the others once a file is there."""

    awaited: Path = Path()
    batches: int = 0

    def generate(self, requests: Sequence[ImageRequest]) -> list[Image.Image]:
        self.batches += 1
        while self.batches > 1 and not self.awaited.exists():
            time.sleep(0.02)
        return super().generate(requests)


@dataclass
class Doubler:
    """Doubles a number; ``what`` maps a number to what happens instead, the first time or always.

    Its latest result is not safe until the next call, as with a worker that writes in the
    background: it is marked in the folder then.
    """

    folder: Path
    what: dict[int, str]

    def __post_init__(self) -> None:
        self.pending: int | None = None
        (self.folder / f"loaded-{os.getpid()}").write_text("")
        if "load" in self.what.values():
            raise ValueError("no model here")

    remarks: ClassVar = ("three cores",)

    @property
    def unsettled(self) -> int:
        return int(self.pending is not None)

    def expect(self, batch: int) -> None:
        pass

    def work(self, batch: int) -> int:
        self._settle()
        what = self.what.get(batch, "")
        tried = self.folder / f"tried-{batch}"
        first = not tried.exists()
        tried.write_text("")
        if what == "raise":
            raise ValueError("not\nthis one")
        if what == "perish" or (what == "die" and first):
            os.kill(os.getpid(), signal.SIGKILL)
        if what == "hang" and first:
            time.sleep(600)
        if what == "stop" and first:
            os.kill(os.getpid(), signal.SIGSTOP)
        time.sleep(0.02)
        self.pending = batch
        return 2 * batch

    def close(self) -> None:
        self._settle()

    def _settle(self) -> None:
        if self.pending is not None:
            (self.folder / f"safe-{self.pending}").write_text("")
            self.pending = None
