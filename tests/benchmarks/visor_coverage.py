"""How often VISOR's intervals cover the truth, and how often the paired test cries wolf. By hand:

python tests/benchmarks/visor_coverage.py [simulations] > results/statistics/visor-coverage.md

Simulated runs of real VISOR prompts with known truth. A prompt shows both objects with probability
q and then the right relation with probability r, each drawn once a prompt from a beta distribution
whose spread makes the four pictures of a prompt correlate as the table says. Half of the prompts
of an object pair share the pair's q and r, so that pairs are clusters too. ``--limit 400`` takes
400 prompts in run order, as a short run does; 25,280 are all of them.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spatialbench import plugins
from spatialbench.plugins import BenchmarkPlugin, ScoreTable
from spatialbench.prompts import Prompt
from spatialbench.runs.selection import Selection, select
from spatialbench.statistics.bootstrap import intervals
from spatialbench.statistics.paired import paired_difference

FOUND, RIGHT = 0.55, 0.65
"""Mean probability of both objects, and of the right relation given both."""

IMAGES = 4
METRICS = ("OA", "VISOR_uncond", "VISOR_cond", "VISOR_1", "VISOR_2", "VISOR_3", "VISOR_4")
PROMPTS = (400, 25_280)
CORRELATIONS = (0.0, 0.3, 0.6)

NOTE = """
The test is an exchange of whole clusters and errs on the side of silence where a metric takes few
values: VISOR_4 of 400 prompts without correlation rests on six right prompts.
With all of VISOR the cells scatter about 5 % as chance allows."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class World:
    """Prompts with their pairs, and how alike the pictures of a prompt are."""

    benchmark: BenchmarkPlugin
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

    def rates(self, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """q and r of each prompt."""
        shared = rng.random(len(self.prompts)) < 0.5
        return self._draw(rng, FOUND, shared), self._draw(rng, RIGHT, shared)

    def run(self, rng: np.random.Generator, rates: tuple[Floats, Floats]) -> ScoreTable:
        """Four pictures a prompt."""
        size = (len(self.prompts), IMAGES)
        found = rng.random(size) < rates[0][:, None]
        right = found & (rng.random(size) < rates[1][:, None])
        # One object alone is never found here: OA_A and OA_B would repeat OA.
        columns = {"found_a": found.ravel(), "found_b": found.ravel()}
        return ScoreTable(
            self.prompts,
            np.repeat(np.arange(len(self.prompts)), IMAGES),
            np.tile(np.arange(IMAGES), len(self.prompts)),
            {**columns, "correct": right.ravel(), "score": right.ravel().astype(np.float64)},
        )

    def truth(self) -> dict[str, float]:
        """The metrics of endlessly many prompts, by integrating over q and r."""
        q, weight_q = self._grid(FOUND)
        r, weight_r = self._grid(RIGHT)
        hit = q[:, None] * r[None, :]
        weight = weight_q[:, None] * weight_r[None, :]
        exactly = [
            float((weight * _choose(k) * hit**k * (1 - hit) ** (IMAGES - k)).sum())
            for k in range(IMAGES + 1)
        ]
        at_least = {f"VISOR_{n}": 100 * sum(exactly[n:]) for n in range(1, IMAGES + 1)}
        means = {"OA": 100 * FOUND, "VISOR_uncond": 100 * FOUND * RIGHT, "VISOR_cond": 100 * RIGHT}
        return {**means, **at_least}

    def _shape(self, mean: float) -> tuple[float, float]:
        total = 1 / self.correlation - 1
        return mean * total, (1 - mean) * total

    def _draw(self, rng: np.random.Generator, mean: float, shared: npt.NDArray[np.bool_]) -> Floats:
        size = len(self.prompts)
        if not self.correlation:
            return np.full(size, mean)
        of_pair = rng.beta(*self._shape(mean), self.pair.max() + 1)[self.pair]
        return np.where(shared, of_pair, rng.beta(*self._shape(mean), size))

    def _grid(self, mean: float) -> tuple[Floats, Floats]:
        """Points and weights: equal slices of probability, by a large sorted sample."""
        if not self.correlation:
            return np.array([mean]), np.array([1.0])
        sample = np.sort(np.random.default_rng(9).beta(*self._shape(mean), 2_000_000))
        points = sample.reshape(2000, -1).mean(axis=1)
        return points, np.full(len(points), 1 / len(points))


def _choose(k: int) -> int:
    return (1, 4, 6, 4, 1)[k]


def covered(world: World, simulations: int, seed: int) -> Iterator[dict[str, bool]]:
    """Whether each metric's interval covers the truth, simulation by simulation."""
    rng = np.random.default_rng(seed)
    truth = world.truth()
    clusters = world.benchmark.clusters(world.prompts)
    for _ in range(simulations):
        table = world.run(rng, world.rates(rng))
        ratios = world.benchmark.ratios(table)
        found = intervals({key: ratios[key] for key in METRICS}, clusters)
        yield {key: found[key][0] <= truth[key] <= found[key][1] for key in METRICS}


def alarmed(world: World, simulations: int, seed: int) -> Iterator[dict[str, bool]]:
    """Whether the paired test finds a difference between two runs of one and the same method."""
    rng = np.random.default_rng(seed)
    clusters = world.benchmark.clusters(world.prompts)
    for _ in range(simulations):
        rates = world.rates(rng)
        first, second = (
            {key: ratio for key, ratio in world.benchmark.ratios(table).items() if key in METRICS}
            for table in (world.run(rng, rates), world.run(rng, rates))
        )
        found = paired_difference(first, second, clusters, resamples=1000)
        yield {key: found[key].p <= 0.05 for key in METRICS}


def shares(outcomes: Iterator[dict[str, bool]]) -> dict[str, float]:
    """Percent of the outcomes that are true, by metric."""
    listed = list(outcomes)
    return {key: 100 * sum(outcome[key] for outcome in listed) / len(listed) for key in METRICS}


def main() -> None:
    simulations = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    print("# Coverage of VISOR's intervals, false alarms of the paired test\n")
    print(
        f"{simulations:,} simulated runs a line, in percent. The intervals are nominal 95 %, the "
        "test's level is 5 %;\nchance alone moves a cell by "
        f"±{196 * (0.95 * 0.05 / simulations) ** 0.5:.1f}. "
        "Made by `python tests/benchmarks/visor_coverage.py`.\n"
    )
    print("| what | prompts | correlation | " + " | ".join(METRICS) + " |")
    print("| --- | ---: | ---: |" + " ---: |" * len(METRICS))
    started = time.perf_counter()
    for prompts in PROMPTS:
        for correlation in CORRELATIONS:
            world = World.of(prompts, correlation)
            for what, outcomes in (("coverage", covered), ("false alarms", alarmed)):
                cells = shares(outcomes(world, simulations, 1)).values()
                line = " | ".join(f"{cell:.1f}" for cell in cells)
                print(f"| {what} | {prompts:,} | {correlation} | {line} |", flush=True)
    print(NOTE)
    print(f"{time.perf_counter() - started:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
