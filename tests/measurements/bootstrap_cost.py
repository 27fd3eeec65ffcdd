"""What the error bars of a full VISOR run cost: all metrics, over all and by relation. By hand:

python -m tests.measurements.bootstrap_cost

A simulated run of 25,280 prompts with four images each goes through ``summarise``, as every
scored run does: 2,000 resamples of 3,160 object pairs for all nine metrics, five times.
"""

from __future__ import annotations

import resource
import time

import numpy as np

from spatialbench.runs.signature import Signature
from spatialbench.scoring.summarise import Heading, summarise

from .visor_coverage import World


def main() -> None:
    world = World.of(25_280, 0.3)
    rng = np.random.default_rng(1)
    table = world.run(rng, world.rates(rng))
    signature = Signature("visor/1", "visor-centroid/1", "simulated", 0.1, 25_280, 4, "simulated")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    started, used = time.perf_counter(), time.process_time()
    summary = summarise(
        world.benchmark, table, Heading("simulated", "none", "relational", signature)
    )
    seconds, busy = time.perf_counter() - started, time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    assert len(summary.groups) == 4
    print(
        f"{summary.images:,} images: {seconds:.1f} s ({busy:.1f} s of processor), "
        f"{peak:.0f} MiB at most ({before:.0f} MiB before)"
    )


if __name__ == "__main__":
    main()
