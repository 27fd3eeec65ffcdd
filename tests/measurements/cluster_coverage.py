"""Why clusters are resampled and not prompts, and how few clusters are enough. By hand:

python tests/measurements/cluster_coverage.py [simulations]

Simulated runs of one share, with 24 to 500 object pairs; how all of VISOR's metrics fare on its own
prompts is ``visor_coverage``.

Each line is a kind of run: object pairs differ in how hard they are (beta(a, b) by pair), prompts
of a pair share that, and four images per prompt are drawn. A nominal 95 % interval should cover in
about 95 of 100 runs; the column 'prompts' shows what ignoring the pairs would give.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np

from spatialbench.statistics.bootstrap import intervals
from spatialbench.statistics.ratios import MeanOfRatios, Ratio

CASES = (
    # pairs, prompts per pair, beta
    (24, 1, (2.0, 2.0)),
    (25, 8, (2.0, 2.0)),
    (100, 8, (2.0, 2.0)),
    (100, 8, (0.3, 3.0)),
    (500, 4, (2.0, 2.0)),
    (500, 4, (0.05, 3.0)),
)


def covered(
    pairs: int, per_pair: int, beta: tuple[float, float], simulations: int, clustered: bool
) -> Iterator[bool]:
    """Whether the interval of the share of right images covers beta's mean, run by run."""
    rng = np.random.default_rng(1)
    truth = 100 * beta[0] / sum(beta)
    trials = np.full(pairs * per_pair, 4.0)
    names = [f"pair {i // per_pair if clustered else i}" for i in range(pairs * per_pair)]
    for simulation in range(simulations):
        rate = np.repeat(rng.beta(*beta, pairs), per_pair)
        hits = rng.binomial(4, rate).astype(float)
        metric = {"m": MeanOfRatios((Ratio(hits, trials),))}
        low, high = intervals(metric, names, resamples=1000, seed=simulation)["m"]
        yield low <= truth <= high


def main() -> None:
    simulations = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    print("pairs  prompts  truth %   covered by pairs   by prompts")
    for pairs, per_pair, beta in CASES:
        by_pairs, by_prompts = (
            100 * float(np.mean(list(covered(pairs, per_pair, beta, simulations, clustered))))
            for clustered in (True, False)
        )
        truth = 100 * beta[0] / sum(beta)
        print(
            f"{pairs:5} {pairs * per_pair:8} {truth:8.1f} {by_pairs:16.1f} % {by_prompts:10.1f} %"
        )


if __name__ == "__main__":
    main()
