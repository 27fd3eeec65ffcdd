"""A benchmark of circles and squares, a painter and a finder: cheap, and honest about batches.

Both the painter's pixels and the finder's boxes depend on the size of the batch and on the place in
it, far more than any real model's do, so that a stage which computes an image in other company than
the plan says is caught by a comparison of bytes.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from spatialbench.detections import Detections
from spatialbench.executors.local import LocalExecutor
from spatialbench.plugins import (
    Benchmark,
    Detector,
    ImageRequest,
    Method,
    Metric,
    Rule,
    Verdict,
    share,
)
from spatialbench.prompts import Prompt, Triplet
from spatialbench.relations import Relation
from spatialbench.runs.machine import this_machine
from spatialbench.runs.opening import Run, RunSpec
from spatialbench.runs.packs import Packs
from spatialbench.runs.progress import Silent
from spatialbench.runs.selection import Selection
from spatialbench.stages.whole import Work
from tests.opened_runs import open_run

SIZE = 16


def make_prompts(count: int, tasks: Sequence[str] = ("left", "right", "above")) -> list[Prompt]:
    """Prompts 0 .. count-1, tasks taking turns."""
    made = []
    for number in range(count):
        task = tasks[number % len(tasks)]
        triplet = Triplet("circle", Relation(task), "square")
        text = f"a circle {triplet.relation.adverb} a square, number {number}"
        made.append(Prompt(str(number), text, task, triplet, ("circle", "square")))
    return made


@dataclass
class FirstBoxRule(Rule):
    """Right if the first box's score is above the threshold and its left edge is even."""

    name: str = "first-box/1"
    threshold: float = 0.1
    seconds: float = 0.0

    def judge(self, prompt: Prompt, detections: Detections, threshold: float) -> Verdict:
        time.sleep(self.seconds)
        found = bool(len(detections)) and float(detections.scores[0]) > threshold
        correct = found and int(detections.boxes[0, 0]) % 2 == 0
        return Verdict(correct, float(correct), f"{prompt.id} {correct}", {"found": found})


class Shapes(Benchmark):
    """A benchmark plug-in."""

    name = "shapes"
    version = 3
    summary = "circles and squares"
    subsets: Mapping[str, str] = {"all": "every prompt", "few": "the first six"}
    default_subset = "all"
    detector = "finder"
    metrics: Sequence[Metric] = (
        share("right", "images whose first box is even", "score"),
        Metric(
            "undefined",
            "nothing",
            lambda table: None,
            headline=False,
            undefined=lambda table: "no image counts for it",
        ),
    )

    def __init__(self, count: int = 12, images: int = 2, rule_seconds: float = 0.0) -> None:
        self.images_per_prompt = images
        self.rules: Mapping[str, Rule] = {"first": FirstBoxRule(seconds=rule_seconds)}
        self._prompts = make_prompts(count)

    def prompts(self, subset: str) -> Sequence[Prompt]:
        return self._prompts if subset == "all" else self._prompts[:6]

    def official_prompts(self, subset: str) -> bytes:
        return "\n".join(prompt.text for prompt in self.prompts(subset)).encode()


@dataclass
class Painter(Method):
    """A generator: noise from the seed, shifted by the batch's size and the place in it."""

    seconds: float = 0.0
    steps: int = 20
    fits: int | None = None
    """Images that fit in memory."""
    loads: int = 0

    def identity(self) -> dict[str, Any]:
        backbone = {"name": "easel", "revision": "0123456789abcdef"}
        parameters = {"steps": self.steps, "strength": 1.5}
        return {"method": "painter", "version": 2, "backbone": backbone, "parameters": parameters}

    def load(self) -> None:
        self.loads += 1

    def generate(self, requests: Sequence[ImageRequest]) -> list[Image.Image]:
        if self.fits is not None and len(requests) > self.fits:
            raise RuntimeError(f"CUDA out of memory: {len(requests)} images")
        time.sleep(self.seconds)
        images = []
        for place, request in enumerate(requests):
            seed = [request.seed, int(request.prompt.id)]
            noise = np.random.default_rng(seed).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
            images.append(Image.fromarray(noise + np.uint8(16 * len(requests) + place)))
        return images


@dataclass
class Finder(Detector):
    """A detector: boxes made of the first pixels, shifted by the batch's size and the place."""

    seconds: float = 0.0
    loads: int = 0
    weights: str = "w1"
    word: str = "finder@w1"

    def identity(self) -> dict[str, Any]:
        return {"class": "Finder", "weights": self.weights}

    def signature(self) -> str:
        return self.word

    def load(self) -> None:
        self.loads += 1

    def detect(
        self, images: Sequence[Image.Image], labels: Sequence[Sequence[str]]
    ) -> list[Detections]:
        time.sleep(self.seconds)
        found = []
        for place, (image, names) in enumerate(zip(images, labels, strict=True)):
            pixels = np.asarray(image)[0, : len(names)].astype(np.float32)
            corner, size = pixels[:, :2] % 4, 1 + pixels[:, 1:] % 8
            boxes = np.concatenate([corner, corner + size], axis=1)
            # Less than a pixel, so that the boxes stay inside.
            boxes += np.float32((len(images) + place) / 256)
            scores = pixels[:, 0] / np.float32(300)
            found.append(Detections.build(boxes, scores, names, *image.size))
        return found


class Log(Silent):
    """A Progress that remembers, and can tell another process which stage it is in."""

    def __init__(self, marker: Path | None = None) -> None:
        self.notices: list[str] = []
        self.begun: list[tuple[str, int, int]] = []
        self.advanced = 0
        self._marker = marker

    def begin(self, stage: str, done: int, total: int) -> None:
        self.begun.append((stage, done, total))
        self._mark(stage if done < total else "")

    def advance(self, images: int) -> None:
        self.advanced += images

    def notice(self, text: str) -> None:
        self.notices.append(text)

    def end(self) -> None:
        self._mark("")

    def _mark(self, text: str) -> None:
        if self._marker is not None:
            self._marker.write_text(text)


def open_shapes(
    folder: Path,
    benchmark: Shapes | None = None,
    painter: Painter | None = None,
    selection: Selection | None = None,
    *,
    packing: bool = False,
) -> Run:
    """Start or continue a run of the fakes."""
    spec = RunSpec(benchmark or Shapes(), "all", painter or Painter())
    return open_run(spec, selection or Selection(), this_machine(), folder, packing=packing)


def work(painter: Painter | None = None, finder: Finder | None = None, batch_size: int = 4) -> Work:
    """Everything in this process."""
    return Work(painter or Painter(), finder or Finder(), LocalExecutor(), batch_size)


def snapshot(folder: Path) -> dict[str, bytes]:
    """Every file of a run that must not depend on interruptions, by relative path.

    Images that lie in packs stand under the names that their files would have.
    """
    files = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in ("manifest.json", "timing.jsonl", ".lock")
        if path.parent.name != "packs"
    }
    packs = Packs(folder)
    packed = packs.found(lambda damage: None)
    return {f"images/{key[0]}/{key[1]}.png": packs.read(key) for key in packed} | files
