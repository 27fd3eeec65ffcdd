r"""How often the interval of a run that was stopped by it covers the truth, and where it stops.

By hand:

python -m tests.measurements.until_coverage --simulations 1000 --jobs 9 > until.md

The worlds are those of ``visor_coverage``, VISOR's prompts in run order, of which the first 14,000
are more than any of these aims needs. A run is drawn and looked at as ``run --until`` looks: at the
first 100 prompts, then at as many as the interval of the look asks for, with the same function,
until two looks in a row are narrow enough. The interval at the stop is to cover the truth in 93 to
97 %.
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np

from spatialbench.plugins.metric import ratios
from spatialbench.runs.until import Looks, Until, half_width
from spatialbench.statistics.bootstrap import intervals
from spatialbench.statistics.looks import first_prompts

from .visor_coverage import IMAGES, World

PROMPTS, ALL = 14_000, 25_280
RESAMPLES = 1000
"""Half as many as a table has, which widens nothing."""


@dataclass(frozen=True)
class Case:
    """An aim, and the world it is aimed at."""

    until: Until
    images: int
    correlation: float


CASES = [
    Case(Until("VISOR_uncond", 5.0), 4, 0.3),
    Case(Until("VISOR_uncond", 2.0), 4, 0.3),
    Case(Until("VISOR_uncond", 1.0), 4, 0.0),
    Case(Until("VISOR_uncond", 1.0), 4, 0.3),
    Case(Until("VISOR_uncond", 1.0), 4, 0.6),
    Case(Until("VISOR_cond", 2.0), 4, 0.3),
    Case(Until("VISOR_4", 2.0), 4, 0.3),
    Case(Until("VISOR_uncond", 2.0), 1, 0.3),
    Case(Until("VISOR_uncond", 1.0), 1, 0.3),
]


def stopped(case: Case, simulations: int, seed: int) -> list[tuple[bool, int, int]]:
    """Run by run whether the interval at the stop covers, the prompts, and the looks."""
    rng = np.random.default_rng([seed, case.images, int(10 * case.until.reach)])
    world = World.of(PROMPTS, case.correlation)
    truth, key = world.truth()[case.until.metric], case.until.metric
    clusters = world.benchmark.clusters(world.prompts)
    (metric,) = (m for m in world.benchmark.metrics if m.key == key)
    found = []
    for _ in range(simulations):
        table = world.run(rng, world.rates(rng), case.images)
        whole = ratios([metric], table)[key]
        looks, count, more = Looks(case.until, PROMPTS), 0, True
        while more:
            size, count = looks.prompts, count + 1
            part = {key: first_prompts(whole, size)}
            low, high = intervals(part, clusters[:size], RESAMPLES)[key]
            more = looks.go_on(half_width(low, high))
        assert size < PROMPTS, "the aim takes more prompts than were drawn"
        found.append((low <= truth <= high, size, count))
    return found


def row(line: tuple[Case, int, int]) -> str:
    """A row of the table."""
    case, simulations, seed = line
    found = stopped(case, simulations, seed)
    covered = 100 * sum(one for one, _, _ in found) / simulations
    prompts, looks = (np.array([one[k] for one in found]) for k in (1, 2))
    low, middle, high = (case.images * int(x) for x in np.quantile(prompts, (0.05, 0.5, 0.95)))
    share = 100 * middle / (ALL * IMAGES)
    return (
        f"| {case.until.shown} | {case.images} | {case.correlation} | {covered:.1f} | {middle:,} "
        f"({low:,} to {high:,}) | {share:.1f} % | {looks.mean():.1f} |"
    )


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--simulations", type=int, default=1000)
    asked.add_argument("--jobs", type=int, default=1)
    asked.add_argument("--seed", type=int, default=1)
    given = asked.parse_args()
    count = given.simulations
    started = time.perf_counter()
    print("# Runs that are stopped by their own interval\n")
    print(
        f"Of {count:,} simulated runs each: in percent how often the interval at the stop covers "
        "the truth (nominal\n95; chance alone moves it by "
        f"±{196 * (0.05 * 0.95 / count) ** 0.5:.1f}), and at how many images they stop (median, "
        "5 % to 95 %),\nas a share of the 101,120 of all of VISOR. Made by\n`python -m "
        f"tests.measurements.until_coverage --simulations {count}`.\n"
    )
    print("| until | images per prompt | correlation | covers | images | of all | looks |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |", flush=True)
    with ProcessPoolExecutor(given.jobs) as pool:
        for line in pool.map(row, [(case, count, given.seed) for case in CASES]):
            print(line, flush=True)
    print(f"{time.perf_counter() - started:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
