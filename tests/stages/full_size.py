"""A full-size VISOR run that is complete, and work on it in a process of its own.

``python -m tests.stages.full_size FOLDER recognise|score`` prints seconds of processor time, peak
memory in MiB, and how many images were found and scored, imports included.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import sys
import time
from pathlib import Path

import numpy as np

from spatialbench import plugins
from spatialbench.executors.local import LocalExecutor
from spatialbench.runs.machine import this_machine
from spatialbench.runs.opening import Run, RunSpec, open_existing
from spatialbench.runs.selection import Selection
from spatialbench.scoring.score import score
from spatialbench.stages.detect import detect
from spatialbench.stages.generate import generate
from tests.opened_runs import open_run
from tests.stages.fakes import Finder, Log, Painter

IMAGES = 25_280 * 4


def peak_memory() -> float:
    """Largest resident memory of this process so far in MiB.

    Not ``ru_maxrss``, which a child process inherits from a parent that was larger.
    """
    status = Path("/proc/self/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) / 1024


def make(folder: Path, content: bytes = b"") -> Run:
    """A complete run but for its scores: 101,120 files and records, 2 to 10 boxes each.

    Every file holds ``content``.
    """
    benchmark = plugins.load("benchmark", "visor")
    run = open_run(RunSpec(benchmark, "relational", Painter()), Selection(), this_machine(), folder)
    finder = Finder()
    detections = run.directory.detection_journal(finder.signature()).path
    detections.parent.mkdir(parents=True)
    detector = {"signature": finder.signature(), "identity": finder.identity()}
    run.directory.detector_file(finder.signature()).write_text(json.dumps(detector))
    found = _found(200)
    digest = hashlib.sha256(content).hexdigest()
    size = f'"bytes": {len(content)}, "sha256": "{digest}"'
    with run.directory.image_journal.path.open("w") as images, detections.open("w") as boxes:
        for number, (prompt_id, index) in enumerate(run.expected.keys()):
            path = run.directory.image_path(prompt_id, index)
            if index == 0:
                path.parent.mkdir(parents=True)
            handle = os.open(path, os.O_CREAT | os.O_WRONLY)
            os.write(handle, content)
            os.close(handle)
            key = f'{{"prompt_id": "{prompt_id}", "index": {index}, '
            images.write(f'{key}"seed": {42 + index}, {size}}}\n')
            count, fragment = found[number % len(found)]
            names = run.expected.by_id[prompt_id].objects
            labels = json.dumps([names[(number + place) % 2] for place in range(count)])
            boxes.write(f'{key}"width": 512, "height": 512, {fragment}, "labels": {labels}}}\n')
    return run


def _found(variants: int) -> list[tuple[int, str]]:
    """Numbers of boxes, and boxes and scores as JSON at full float32."""
    draw = np.random.default_rng(0)
    made: list[tuple[int, str]] = []
    for _ in range(variants):
        count = random.Random(len(made)).randint(2, 10)
        corners = np.sort(draw.random((count, 2, 2), dtype=np.float32) * 512, axis=1)
        boxes = corners.reshape(count, 4).tolist()
        scores = (draw.random(count, dtype=np.float32) ** 2).tolist()
        made.append((count, f'"boxes": {json.dumps(boxes)}, "scores": {json.dumps(scores)}'))
    return made


class Unwanted(Painter):
    """A generator that must not be needed."""

    def load(self) -> None:
        raise AssertionError("a model is loaded for a complete run")


class UnwantedFinder(Finder):
    """A detector that must not be needed."""

    def load(self) -> None:
        raise AssertionError("a model is loaded for a complete run")


def main(folder: Path, what: str) -> None:
    """Do the work and print what it cost."""
    benchmark = plugins.load("benchmark", "visor")
    started = time.process_time()  # starting Python and importing is no part of the promise
    run = open_existing(folder, benchmark)
    log = Log()
    if what == "recognise":
        generate(run, Unwanted(), 8, LocalExecutor(), log)
        detect(run, UnwantedFinder(), 8, LocalExecutor(), log)
    summary = score(run, log)
    peak = peak_memory()
    found = min(done for _, done, _ in log.begun)
    spent = time.process_time() - started
    report = {"cpu": spent, "peak": peak, "found": found, "scored": summary.images}
    print(json.dumps({**report, "parsing": parsing(run)}))


def parsing(run: Run) -> float:
    """Processor seconds that json alone needs for the same detections: how fast this machine is."""
    started = time.process_time()
    with run.directory.detection_journal(Finder().signature()).path.open("rb") as lines:
        for line in lines:
            json.loads(line)
    return time.process_time() - started


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
