r"""How often the paired gate cries wolf, how often it sees a loss, what looking early saves.

By hand:

python -m tests.measurements.gate_power --simulations 1000 --jobs 2 > results/statistics/gate.md

The worlds are those of ``visor_coverage``: real VISOR prompts, images of one prompt that correlate
by 0.3, half of the prompts of an object pair alike. A reference and a run of the same prompts are
drawn; the run loses 3 points of VISOR_uncond, or nothing. Either every image is drawn anew (another
model, another GPU's rounding in every image) or a tenth of them, and the rest keeps its verdict (a
small change of code). The gate is that of ``gate --write`` as it is: seven windows of 2 points.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from spatialbench.plugins import ScoreTable
from spatialbench.plugins.metric import headline
from spatialbench.reports.gate.changes import ALL, Question
from spatialbench.reports.gate.file import Window
from spatialbench.statistics.spending import LOOKS, Shape, boundaries, look_sizes

from .visor_coverage import FIRST, IMAGES, RIGHT, SECOND, World

LOSS, TOLERANCE, CORRELATION = 3.0, 2.0, 0.3
SHARE = FIRST * SECOND * RIGHT
EXCHANGES = 999
"""Fewer than a gate tries, which keeps its level."""
SHAPES: tuple[Shape, ...] = ("obrien-fleming", "pocock")


@dataclass(frozen=True)
class Case:
    """Prompts with four images, the share of images that are drawn anew, and the true loss."""

    prompts: int
    renewed: float
    loss: float
    looks: int

    def __str__(self) -> str:
        renewed = "every" if self.renewed == 1 else f"1 in {1 / self.renewed:.0f}"
        how = "five looks" if self.looks > 1 else "one look"
        return f"| {self.prompts * IMAGES:,} | {renewed} | {self.loss:g} | {how} |"


CASES = [
    Case(prompts, renewed, loss, looks)
    for prompts, renewed in ((800, 1.0), (100, 0.1))
    for loss in (0.0, LOSS)
    for looks in (1, LOOKS)
]


@dataclass(frozen=True)
class Outcome:
    """How one gate ended: at how many images, and whether with a regression."""

    images: int
    regression: bool
    early: bool


def gates(case: Case, simulations: int, seed: int) -> Iterator[Outcome]:
    """One gate after the other, each of a reference and a run."""
    rng = np.random.default_rng([seed, case.prompts, int(case.loss)])
    world = World.of(case.prompts, CORRELATION)
    benchmark, clusters = world.benchmark, world.benchmark.clusters(world.prompts)
    windows = {
        (ALL, key): Window(value=0, tolerance=TOLERANCE) for key in headline(benchmark.metrics)
    }
    question = Question(benchmark.metrics, windows, (ALL, "VISOR_uncond"), 0.95)
    for _ in range(simulations):
        pair = runs(world, rng, case)
        images, regression, early = 0, False, False
        answers = question.answers(pair, clusters, case.prompts, case.looks, EXCHANGES)
        for number, (prompts, changes, enough) in enumerate(answers, 1):
            images, early = prompts * IMAGES, number < case.looks
            regression = any(change.worse for change in changes.values())
            if enough:
                break
        yield Outcome(images, regression, early)


def runs(world: World, rng: np.random.Generator, case: Case) -> tuple[ScoreTable, ScoreTable]:
    """A reference and a run, the loss wholly among the images that are drawn anew."""
    first, second, right = world.rates(rng)
    reference = world.run(rng, (first, second, right))
    fewer = right * (1 - case.loss / 100 / SHARE / case.renewed)
    drawn = world.run(rng, (first, second, fewer))
    renewed = rng.random(len(drawn.prompt_row)) < case.renewed
    columns = {
        name: np.where(renewed, column, reference.columns[name])
        for name, column in drawn.columns.items()
    }
    return reference, replace(drawn, columns=columns)


def row(line: tuple[Case, int, int]) -> str:
    """One row of the table, from so many simulations and this seed."""
    case, simulations, seed = line
    found = list(gates(case, simulations, seed))
    regressions = 100 * sum(one.regression for one in found) / simulations
    early = 100 * sum(one.early for one in found) / simulations
    images = sum(one.images for one in found) / simulations
    return f"{case} {regressions:.1f} | {early:.1f} | {images:,.0f} |"


def shape_row(line: tuple[Shape, int, int]) -> str:
    """What a spending function finds and saves with the first metric alone, from z-values."""
    shape, prompts, simulations = line
    sizes = look_sizes(prompts)
    # As the gate: 4 % of one side.
    bounds = np.array(boundaries([size / prompts for size in sizes], 0.08, shape))
    cells = []
    for loss in (0.0, LOSS):
        rng = np.random.default_rng(1)
        world = World.of(prompts, CORRELATION)
        case = Case(prompts, 1.0, loss, LOOKS)
        crossed, images = 0, 0
        for _ in range(simulations):
            one, two = (table.sums("correct") / IMAGES for table in runs(world, rng, case))
            steps = two - one
            z = [steps[:n].mean() / (steps[:n].std(ddof=1) / n**0.5) for n in sizes]
            at = np.flatnonzero(np.array(z) < -bounds)
            crossed += bool(len(at))
            images += sizes[at[0] if len(at) else -1] * IMAGES
        cells += [f"{100 * crossed / simulations:.1f}", f"{images / simulations:,.0f}"]
    return f"| {shape} | {prompts * IMAGES:,} | " + " | ".join(cells) + " |"


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--simulations", type=int, default=1000)
    asked.add_argument("--jobs", type=int, default=1)
    asked.add_argument("--seed", type=int, default=1)
    given = asked.parse_args()
    count = given.simulations
    chance = 196 * (0.05 * 0.95 / count) ** 0.5
    started = time.perf_counter()
    print("# The paired gate\n")
    print(
        f"Regressions found in percent of {count:,} simulated gates each, and images until the\n"
        "answer. A loss of 0 makes every regression a false alarm (nominal: at most 5). Chance "
        f"alone moves\n5 % by ±{chance:.1f}. Made by `python -m tests.measurements.gate_power "
        f"--simulations {count}`.\n"
    )
    print("| images | drawn anew | true loss | test | regression | stopped early | images used |")
    print("| ---: | --- | ---: | --- | ---: | ---: | ---: |", flush=True)
    with ProcessPoolExecutor(given.jobs) as pool:
        for line in pool.map(row, [(case, count, given.seed) for case in CASES]):
            print(line, flush=True)
        print(
            "\nWhich shape of spending: VISOR_uncond alone at 4 % of one side, five looks, "
            f"{4 * count:,} simulations,\nwithout stopping for want of a loss.\n"
        )
        print("| shape | images | found, loss 0 | images used | found, loss 3 | images used |")
        print("| --- | ---: | ---: | ---: | ---: | ---: |", flush=True)
        for line in pool.map(shape_row, [(shape, 800, 4 * count) for shape in SHAPES]):
            print(line, flush=True)
    print(f"{time.perf_counter() - started:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
