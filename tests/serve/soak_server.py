"""A server without a model in a process of its own, whose threads, files and memory are counted."""

from __future__ import annotations

import sys

from spatialbench.serve.limits import MEGABYTE, Limits

from .fakes import FakeScorer, serving

if __name__ == "__main__":
    with serving(FakeScorer(), Limits(batch_size=8, queue=64, body=MEGABYTE)) as running:
        print(running.port, flush=True)
        sys.stdin.read()
        print(running.lines.count("") + len(running.ended), flush=True)
