"""A simulation of 1 to 512 workers on full VISOR: how well they are used, and what failures cost.

``python -m tests.measurements.scale`` prints the table of docs/clusters.md. The times are given by
options; the defaults are the authors' 23 s per image on an A40 for InfSplign, batches of 8, and the
rules of the executor as they are: a driver that hands out one batch at a time, a lost worker
replaced by one that loads its model again, the batch in hand and the unwritten one before it done
again. With ``--timing FILE`` the batch times are drawn from a run's own timing.jsonl.
"""

from __future__ import annotations

import argparse
import heapq
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

WORKERS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


@dataclass(frozen=True)
class Costs:
    """Seconds, except ``batches``.

    Attributes:
        batch: draws the time of one batch.
        load: from the start of a process to its loaded model.
        between_deaths: mean time between deaths of one worker (exponential); None for never.
        back: from a death to the start of the process that takes the place.
        dispatch: of the driver, for each batch; it does one after the other.
        plan: before the first batch, and after the last for merging records.
        batches: how many there are.
    """

    batch: Callable[[random.Random], float]
    load: float
    between_deaths: float | None
    back: float
    dispatch: float
    plan: float
    batches: int


@dataclass(frozen=True)
class Outcome:
    """``wall`` and ``busy`` (work that counted) in seconds; batches done twice; deaths."""

    wall: float
    busy: float
    repeated: int
    deaths: int


def simulate(workers: int, costs: Costs, seed: int) -> Outcome:
    """One run, event by event."""
    moment = random.Random(seed)
    waiting = costs.batches
    driver = costs.plan
    busy, repeated, deaths, end = 0.0, 0, 0, costs.plan
    # (when, number, dies at, has an unwritten batch)
    free: list[tuple[float, int, float, bool]] = []

    def born(when: float, number: int) -> None:
        life = moment.expovariate(1 / costs.between_deaths) if costs.between_deaths else 1e18
        heapq.heappush(free, (when + costs.load, number, when + life, False))

    for number in range(min(workers, costs.batches)):
        born(costs.plan, number)
    while free:
        when, number, dies, unwritten = heapq.heappop(free)
        if when >= dies:
            deaths += 1
            if unwritten:
                waiting += 1
                repeated += 1
            if waiting:
                born(dies + costs.back, number)
            continue
        if not waiting:
            end = max(end, when)
            continue
        waiting -= 1
        driver = max(driver, when) + costs.dispatch
        seconds = costs.batch(moment)
        done = driver + seconds
        if done >= dies:
            lost = 1 + unwritten
            waiting += lost
            repeated += lost
            deaths += 1
            born(dies + costs.back, number)
            continue
        busy += seconds
        heapq.heappush(free, (done, number, dies, True))
    return Outcome(end + costs.plan, busy, repeated, deaths)


def report(costs: Costs, runs: int) -> list[dict[str, float]]:
    """One row a number of workers, each the mean over simulated runs."""
    mean_batch = fmean(costs.batch(random.Random(seed)) for seed in range(10_000))
    rows = []
    for workers in WORKERS:
        outcomes = [simulate(workers, costs, seed) for seed in range(runs)]
        wall = fmean(outcome.wall for outcome in outcomes)
        rows.append(
            {
                "workers": workers,
                "hours": wall / 3600,
                "efficiency": costs.batches * mean_batch / (wall * workers),
                "deaths": fmean(outcome.deaths for outcome in outcomes),
                "repeated": fmean(outcome.repeated for outcome in outcomes) / costs.batches,
            }
        )
    return rows


def drawn_from(path: Path) -> Callable[[random.Random], float]:
    """Batch times as a run measured them, full batches only."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    most = max(line["images"] for line in lines)
    seconds = [line["seconds"] for line in lines if line["images"] == most]
    return lambda moment: moment.choice(seconds)


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=101_120)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=23.0, help="an image")
    parser.add_argument("--spread", type=float, default=0.05, help="of batch times, as a share")
    parser.add_argument("--timing", type=Path, help="a run's timing.jsonl, instead of both")
    parser.add_argument("--load", type=float, default=60.0)
    parser.add_argument("--back", type=float, default=30.0)
    parser.add_argument("--dispatch", type=float, default=0.005)
    parser.add_argument("--plan", type=float, default=5.0)
    parser.add_argument("--runs", type=int, default=10)
    options = parser.parse_args()
    whole = options.seconds * options.batch_size
    spread = options.spread

    def batch(moment: random.Random) -> float:
        return max(0.5, moment.gauss(1.0, spread)) * whole

    chosen = drawn_from(options.timing) if options.timing else batch
    print("| workers | deaths | hours | efficiency | worker deaths | batches repeated |")
    print("| ---: | --- | ---: | ---: | ---: | ---: |")
    for name, between in (("never", None), ("every 24 h", 86_400.0), ("every 2 h", 7_200.0)):
        costs = Costs(
            chosen,
            options.load,
            between,
            options.back,
            options.dispatch,
            options.plan,
            -(-options.images // options.batch_size),
        )
        for row in report(costs, options.runs):
            used = 100 * row["efficiency"]
            print(
                f"| {row['workers']} | {name} | {row['hours']:.2f} | {used:.1f} % "
                f"| {row['deaths']:.1f} | {100 * row['repeated']:.2f} % |"
            )


if __name__ == "__main__":
    main()
