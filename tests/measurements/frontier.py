"""What a point of VISOR_uncond costs on the lab: plain, guided steps, adaptive guidance, best of N.

Run by hand: ``python -m tests.measurements.frontier --jobs 16 --minutes 8``; on 16 quiet cores it
takes about 8 minutes (500 held-out prompts x 4 images, some 33,000 images in all), on one about two
hours. Without an installation, ``PYTHONPATH`` must name the checkout. The work lies in small pieces
below ``--work``: the same command again goes on where the last one stopped, and ``--minutes 0``
prints the table of what is there. Writes ``frontier.md`` and ``frontier.svg`` into ``--out``.

``--tune N`` takes N prompts of pairs that are not held out, which is where settings are chosen.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from statistics import fmean
from typing import Any

from tests.measurements.uninstalled import ROOT, usable

GUIDED, FULL_WINDOWS, METRIC = "guided steps", "full windows", "VISOR_uncond"
CHUNK, SEED = 25, 18


@dataclass(frozen=True)
class Arm:
    """One point of the figure."""

    name: str
    kind: str
    method: str = "infsplign"
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        """Where its pieces lie: another name for other settings."""
        return hashlib.sha256(repr((self.method, self.settings)).encode()).hexdigest()[:8]


def _adaptive(name: str, **settings: Any) -> Arm:
    return Arm(name, "adaptive", settings={"until": "satisfied", **settings})


def _best(n: int) -> Arm:
    settings = {"n": n, "judge": "lab-templates"}
    return Arm(f"best of {n}", "best of n", "best-of-n", settings)


ARMS = (
    Arm("plain", "plain", "sd"),
    Arm("all 20 steps", "fixed window"),
    *(
        Arm(f"first {n} step{'s' * (n > 1)}", "fixed window", settings={"end": n})
        for n in (1, 2, 3, 5, 10)
    ),
    _adaptive("until satisfied", hysteresis=0.05),
    _adaptive("hysteresis 0.15", hysteresis=0.15),
    _adaptive("margin 0.15", hysteresis=0.05, margin=0.15),
    _adaptive("within 5 steps", hysteresis=0.05, end=5),
    _adaptive("hysteresis 0.1, within 10 steps", hysteresis=0.1, end=10),
    _adaptive("hysteresis 0.15, within 10 steps", hysteresis=0.15, end=10),
    _best(2),
    _best(4),
)


def prompts(count: int, tune: bool) -> list[Any]:
    """Prompts of VISOR: held out from the lab's training, or of its other pairs, shuffled."""
    import numpy as np

    from spatialbench.lab.captions import held_out
    from spatialbench.lab.training.evaluation import held_out_prompts
    from spatialbench.plugins import load

    visor = load("benchmark", "visor")
    if not tune:
        return list(held_out_prompts(visor, count))
    others = [
        one
        for one in visor.prompts(visor.default_subset)
        if one.triplet is not None and not held_out(one.triplet.subject, one.triplet.object)
    ]
    return [others[i] for i in np.random.default_rng(SEED).permutation(len(others))[:count]]


@lru_cache
def _configured(number: int, device: str) -> Any:
    from spatialbench.plugins import GenerationSettings, load

    arm = ARMS[number]
    method = load("method", arm.method).configure(GenerationSettings(device=device), arm.settings)
    method.load()
    return method


@lru_cache
def _detector() -> Any:
    from spatialbench.plugins import load

    detector = load("detector", "lab-owlvit").configure(None, "cpu", True)
    detector.load()
    return detector


def work(
    number: int, piece: Sequence[Any], images: int, device: str, batch: int, path: Path
) -> Path:
    """Make and judge the images of some prompts by one arm; what came of it is in the file."""
    from spatialbench.plugins import ImageRequest, load

    begun = time.process_time()
    visor = load("benchmark", "visor")
    rule = next(iter(visor.rules.values()))
    method = _configured(number, device)
    requests = [ImageRequest(one, k, visor.seed(one, k)) for one in piece for k in range(images)]
    rows = []
    for start in range(0, len(requests), batch):
        part = requests[start : start + batch]
        made = method.generate(part)
        costs = list(method.costs()) or [{}] * len(part)
        found = _detector().detect(made, [visor.labels(one.prompt) for one in part])
        for request, boxes, cost in zip(part, found, costs, strict=True):
            verdict = rule.judge(request.prompt, boxes, rule.threshold)
            row = [request.prompt.id, request.index, verdict.correct, verdict.score]
            rows.append([*row, dict(verdict.facts), dict(cost)])
    path.parent.mkdir(parents=True, exist_ok=True)
    other = path.with_suffix(".new")
    other.write_text(json.dumps({"rows": rows, "seconds": time.process_time() - begun}))
    other.rename(path)
    return path


def _start(threads: int) -> None:
    import torch

    usable()
    torch.set_num_threads(threads)


def measure(asked: argparse.Namespace, pieces: Sequence[Sequence[Any]]) -> None:
    """Do pieces until all are done or the time is up; those of one set of prompts together."""
    due = (
        (number, piece, asked.images, asked.device, asked.batch_size, place)
        for part, piece in enumerate(pieces)
        for number in range(len(ARMS))
        if not (place := asked.work / ARMS[number].folder / f"{part}.json").exists()
    )
    until = time.monotonic() + 60 * asked.minutes
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(asked.jobs, spawn, _start, (1,)) as pool:
        running: set[Future[Path]] = set()
        while time.monotonic() < until:
            while len(running) < 2 * asked.jobs and (one := next(due, None)) is not None:
                running.add(pool.submit(work, *one))
            if not running:
                break
            done, running = wait(running, 5, FIRST_COMPLETED)
            for future in done:
                print("done:", future.result().relative_to(asked.work), flush=True)
        for future in running:
            future.cancel()


@dataclass(frozen=True)
class Point:
    """What is known of an arm over the prompts that all arms have."""

    arm: Arm
    metrics: Mapping[str, float]
    low: float
    high: float
    difference: tuple[float, float, float]
    tflop: float
    guided: float
    full_windows: float
    images: int


def operations(images: int = 1) -> Iterator[float]:
    """TFLOP of an image by each arm; of adaptive guidance for an image that is never guided."""
    from tests.measurements.operations import tflop

    (prompt,) = prompts(1, True)
    for number, arm in enumerate(ARMS):
        if arm.kind == "adaptive":
            yield float("nan")
            continue
        from spatialbench.plugins import ImageRequest

        method = _configured(number, "cpu")
        request = [ImageRequest(prompt, 0, 42)]
        method.generate(request)
        yield tflop(partial(method.generate, request))


def points(asked: argparse.Namespace, pieces: Sequence[Sequence[Any]]) -> list[Point]:
    """The arms' points, over the prompts of the pieces that all of them have done."""
    from spatialbench.plugins import Verdict, load
    from spatialbench.plugins.metric import ratios, values
    from spatialbench.scoring.verdicts import build_table
    from spatialbench.statistics.bootstrap import intervals
    from spatialbench.statistics.paired import paired_difference

    visor = load("benchmark", "visor")
    files = [
        [asked.work / ARMS[number].folder / f"{part}.json" for number in range(len(ARMS))]
        for part in range(len(pieces))
    ]
    whole = [part for part, row in enumerate(files) if all(one.exists() for one in row)]
    if not whole:
        return []
    judged = [prompt for part in whole for prompt in pieces[part]]
    place = {prompt.id: row for row, prompt in enumerate(judged)}
    cost = list(operations())
    step = (cost[1] - cost[0]) / 20
    tables, spent = [], []
    for number in range(len(ARMS)):
        rows = [
            row for part in whole for row in json.loads(files[part][number].read_text())["rows"]
        ]
        verdicts = [
            (place[key], index, Verdict(correct, score, "", facts))
            for key, index, correct, score, facts, _ in rows
        ]
        tables.append(build_table(judged, verdicts)[0])
        spent.append([row[-1] for row in rows])
    clusters = visor.clusters(judged)
    full = ratios(visor.metrics, tables[1])
    found = []
    for number, arm in enumerate(ARMS):
        own = ratios(visor.metrics, tables[number])
        low, high = intervals({METRIC: own[METRIC]}, clusters)[METRIC]
        against = paired_difference({METRIC: full[METRIC]}, {METRIC: own[METRIC]}, clusters)[METRIC]
        guided = fmean(one.get(GUIDED, float("nan")) for one in spent[number])
        whole_windows = fmean(one.get(FULL_WINDOWS, float("nan")) for one in spent[number])
        if arm.kind in ("plain", "fixed window"):
            guided = (cost[number] - cost[0]) / step
        adaptive = arm.kind == "adaptive"
        found.append(
            Point(
                arm,
                values(visor.metrics, tables[number]),
                low,
                high,
                (against.value, against.low, against.high),
                cost[0] + step * guided if adaptive else cost[number],
                guided,
                whole_windows,
                len(spent[number]),
            )
        )
    return found


def main() -> None:
    """See the module."""
    usable()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=16)
    parser.add_argument("--minutes", type=float, default=8)
    parser.add_argument("--images", type=int, default=4)
    parser.add_argument("--limit", type=int, default=500, help="prompts")
    parser.add_argument("--tune", type=int, default=0, help="prompts that are not held out")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch-size", type=int, default=20, help="on a GPU 100 is faster")
    parser.add_argument("--work", type=Path, default=Path("runs/frontier"))
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "lab")
    asked = parser.parse_args()
    from tests.measurements.frontier_report import write

    chosen = prompts(asked.tune or asked.limit, bool(asked.tune))
    pieces = [chosen[i : i + CHUNK] for i in range(0, len(chosen), CHUNK)]
    if asked.minutes:
        measure(asked, pieces)
    write(points(asked, pieces), asked.out, len(chosen), bool(asked.tune))


if __name__ == "__main__":
    main()
