"""A server without a model in a process of its own, whose threads, files and memory are counted."""

from __future__ import annotations

import sys

from spatialbench.serve.limits import MEGABYTE, Limits

from .fakes import PATIENCE, FakeScorer, serving

if __name__ == "__main__":
    # No client is turned away because the machine is busy.
    limits = Limits(
        batch_size=8, queue=64, body=MEGABYTE, seconds_to_send=PATIENCE, patience=PATIENCE
    )
    with serving(FakeScorer(), limits) as running:
        print(running.port, flush=True)
        sys.stdin.read()
        print(running.lines.count("") + len(running.ended), flush=True)
