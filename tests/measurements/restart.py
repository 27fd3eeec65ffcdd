"""How long after loading a restarted run of full size begins its first missing batch.

``python -m tests.measurements.restart [--executor ray]``: VISOR's 101,120 images are finished but
for eight in the middle. Printed are the seconds from the start of the stage to the model being
loaded (the plan is made in that time), and from then to the first call of the generator; the
second may take 10.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from spatialbench.executors import Executor
from spatialbench.executors.local import LocalExecutor
from spatialbench.plugins import ImageRequest
from spatialbench.stages.generate import generate
from tests.stages.fakes import Log, Painter
from tests.stages.full_size import IMAGES, make

MISSING = 8


@dataclass
class Stamping(Painter):
    """Writes down when it was loaded and when it was first asked for images."""

    folder: str = ""

    def load(self) -> None:
        (Path(self.folder) / f"loaded-{os.getpid()}").write_text(str(time.time()))

    def generate(self, requests: Sequence[ImageRequest]) -> list[Image.Image]:
        (Path(self.folder) / f"asked-{os.getpid()}").write_text(str(time.time()))
        return [Image.new("RGB", (8, 8)) for _ in requests]


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--executor", choices=["local", "ray"], default="local")
    options = parser.parse_args()
    executor: Executor = LocalExecutor()
    if options.executor == "ray":
        from spatialbench.executors.ray import RayExecutor
        from spatialbench.executors.ray_cluster import Wanted

        executor = RayExecutor(Wanted(workers=1), notice=print)
    memory = Path("/dev/shm")
    parent = memory if os.access(memory, os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=parent) as place:
        run = make(Path(place) / "run")
        middle = IMAGES // 2 // MISSING * MISSING
        run.directory.discard(run.expected.keys()[middle : middle + MISSING])
        start = time.time()
        made = generate(run, Stamping(folder=place), MISSING, executor, Log())
        assert made == MISSING, made
        (loaded,) = [float(path.read_text()) for path in Path(place).glob("loaded-*")]
        (asked,) = [float(path.read_text()) for path in Path(place).glob("asked-*")]
    report = {
        "executor": options.executor,
        "finished": IMAGES - MISSING,
        "seconds_to_loaded": round(loaded - start, 2),
        "seconds_from_loaded_to_first_batch": round(asked - loaded, 3),
        "holds": asked - loaded <= 10,
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
