r"""How often VISOR's intervals cover the truth, and how often the paired test cries wolf. By hand:

python tests/measurements/visor_coverage.py [simulations] [processes] \
    > results/statistics/visor-coverage.md

Simulated runs of real VISOR prompts with known truth. A prompt shows its first object with
probability a, its second with probability b and, where it shows both, the right relation with
probability r, each drawn once a prompt from a beta distribution whose spread makes the four
images of a prompt correlate as the table says. Half of the prompts of an object pair share the
pair's rates, so that pairs are clusters too. 400 prompts are taken in run order, as ``--limit 400``
does; 25,280 are all of them. The test's rate is to lie in 4 to 6 %, a narrower window than the
intervals', so it gets more simulations, with fewer exchanges in each, which keep its level of 5 %.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from math import comb

import numpy as np
import numpy.typing as npt

from spatialbench import plugins
from spatialbench.plugins import Benchmark, ScoreTable
from spatialbench.plugins.metric import ratios
from spatialbench.prompts import Prompt
from spatialbench.runs.selection import Selection, select
from spatialbench.statistics.bootstrap import intervals
from spatialbench.statistics.paired import paired_difference

FIRST, SECOND, RIGHT = 0.78, 0.7, 0.65
"""Mean probability of the first object, of the second, and of the right relation given both."""

IMAGES = 4
METRICS = (
    *("OA", "VISOR_uncond", "VISOR_cond", "VISOR_1", "VISOR_2", "VISOR_3", "VISOR_4"),
    *("OA_A", "OA_B"),
)
PROMPTS = (400, 25_280)
CORRELATIONS = (0.0, 0.3, 0.6)
EXCHANGES = 199
TESTS = {400: 10, 25_280: 4}
"""Simulations of the test for one of the intervals, by prompts."""
COVERAGE, ALARMS = "coverage", "false alarms"

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class World:
    """Prompts with their pairs, and how alike the images of a prompt are."""

    benchmark: Benchmark
    prompts: list[Prompt]
    pair: npt.NDArray[np.int64]
    correlation: float

    @classmethod
    def of(cls, prompts: int, correlation: float) -> World:
        """The first prompts of VISOR in run order."""
        benchmark = plugins.load("benchmark", "visor")
        chosen = select(benchmark.prompts("relational"), Selection(limit=prompts))
        names = benchmark.clusters(chosen)
        _, pair = np.unique(np.array(names), return_inverse=True)
        return cls(benchmark, chosen, pair, correlation)

    def rates(self, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
        """a, b and r of each prompt."""
        shared = rng.random(len(self.prompts)) < 0.5
        first, second, right = (self._draw(rng, mean, shared) for mean in (FIRST, SECOND, RIGHT))
        return first, second, right

    def run(
        self, rng: np.random.Generator, rates: tuple[Floats, Floats, Floats], images: int = IMAGES
    ) -> ScoreTable:
        """So many images per prompt."""
        size = (len(self.prompts), images)
        first, second, right = ((rng.random(size) < rate[:, None]).ravel() for rate in rates)
        right &= first & second
        columns = {"found_a": first, "found_b": second, "correct": right}
        return ScoreTable(
            self.prompts,
            np.repeat(np.arange(len(self.prompts)), images),
            np.tile(np.arange(images), len(self.prompts)),
            {**columns, "score": right.astype(np.float64)},
        )

    def truth(self) -> dict[str, float]:
        """The metrics of endlessly many prompts, from the moments of a, b and r."""
        # How often j given images of a prompt are all right.
        all_of = [self._moment(j) for j in range(IMAGES + 1)]
        exactly = [
            comb(IMAGES, k)
            * sum((-1) ** i * comb(IMAGES - k, i) * all_of[k + i] for i in range(IMAGES - k + 1))
            for k in range(IMAGES + 1)
        ]
        shares = {
            "OA": FIRST * SECOND,
            "VISOR_uncond": FIRST * SECOND * RIGHT,
            "VISOR_cond": RIGHT,
            **{f"VISOR_{n}": sum(exactly[n:]) for n in range(1, IMAGES + 1)},
            "OA_A": FIRST,
            "OA_B": SECOND,
        }
        return {key: 100 * share for key, share in shares.items()}

    def _moment(self, power: int) -> float:
        """Mean of (a b r) to a power; a beta variable's moments are products of ratios."""
        found = 1.0
        for mean in (FIRST, SECOND, RIGHT):
            if not self.correlation:
                found *= mean**power
                continue
            alpha, beta = self._shape(mean)
            for i in range(power):
                found *= (alpha + i) / (alpha + beta + i)
        return found

    def _shape(self, mean: float) -> tuple[float, float]:
        total = 1 / self.correlation - 1
        return mean * total, (1 - mean) * total

    def _draw(self, rng: np.random.Generator, mean: float, shared: npt.NDArray[np.bool_]) -> Floats:
        size = len(self.prompts)
        if not self.correlation:
            return np.full(size, mean)
        of_pair = rng.beta(*self._shape(mean), self.pair.max() + 1)[self.pair]
        return np.where(shared, of_pair, rng.beta(*self._shape(mean), size))


def covered(world: World, simulations: int, seed: int) -> Iterator[dict[str, bool]]:
    """Whether each metric's interval covers the truth, simulation by simulation."""
    rng = np.random.default_rng(seed)
    truth = world.truth()
    clusters = world.benchmark.clusters(world.prompts)
    for _ in range(simulations):
        table = world.run(rng, world.rates(rng))
        of_run = ratios(world.benchmark.metrics, table)
        found = intervals({key: of_run[key] for key in METRICS}, clusters)
        yield {key: found[key][0] <= truth[key] <= found[key][1] for key in METRICS}


def alarmed(world: World, simulations: int, seed: int) -> Iterator[dict[str, bool]]:
    """Whether the paired test finds a difference between two runs of one and the same method."""
    rng = np.random.default_rng(seed)
    clusters = world.benchmark.clusters(world.prompts)
    for _ in range(simulations):
        rates = world.rates(rng)
        first, second = (
            {key: r for key, r in ratios(world.benchmark.metrics, table).items() if key in METRICS}
            for table in (world.run(rng, rates), world.run(rng, rates))
        )
        found = paired_difference(
            first, second, clusters, resamples=EXCHANGES, seed=int(rng.integers(2**32))
        )
        yield {key: found[key].p <= 0.05 for key in METRICS}


def shares(outcomes: Iterator[dict[str, bool]]) -> dict[str, float]:
    """Percent of the outcomes that are true, by metric."""
    listed = list(outcomes)
    return {key: 100 * sum(outcome[key] for outcome in listed) / len(listed) for key in METRICS}


def main() -> None:
    simulations = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    print("# Coverage of VISOR's intervals, false alarms of the paired test\n")
    short, full = (factor * simulations for factor in TESTS.values())
    print(
        f"In percent, of {simulations:,} simulated runs (coverage; nominal 95) and of {short:,} "
        f"(400 prompts) or\n{full:,} (25,280 prompts) simulated pairs of runs of one method (false "
        "alarms; nominal 5). Chance alone\nmoves a coverage by "
        f"±{_chance(simulations):.1f} and a rate of false alarms by ±{_chance(short):.1f} or "
        f"±{_chance(full):.1f}. Made by\n`python tests/measurements/visor_coverage.py`.\n"
    )
    print("| what | prompts | correlation | " + " | ".join(METRICS) + " |")
    print("| --- | ---: | ---: |" + " ---: |" * len(METRICS))
    started = time.perf_counter()
    lines = [
        (what, prompts, correlation, simulations * (TESTS[prompts] if what == ALARMS else 1))
        for prompts in PROMPTS
        for correlation in CORRELATIONS
        for what in (COVERAGE, ALARMS)
    ]
    processes = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    with ProcessPoolExecutor(processes) as pool:
        for row in pool.map(table_row, lines):
            print(row, flush=True)
    print(f"{time.perf_counter() - started:.0f} s", file=sys.stderr)


def table_row(line: tuple[str, int, float, int]) -> str:
    """One line of the table; its random numbers depend on nothing else."""
    what, prompts, correlation, simulations = line
    world = World.of(prompts, correlation)
    study = covered if what == COVERAGE else alarmed
    cells = " | ".join(f"{cell:.1f}" for cell in shares(study(world, simulations, 1)).values())
    return f"| {what} | {prompts:,} | {correlation} | {cells} |"


def _chance(simulations: int) -> float:
    return float(196 * (0.95 * 0.05 / simulations) ** 0.5)


if __name__ == "__main__":
    main()
