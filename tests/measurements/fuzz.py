"""Fuzz every reader of foreign files, by hand: by default 10,000 inputs each.

    python -m tests.measurements.fuzz [--inputs 10000] [--first 0] [--seconds S] [READER ...]

Input number n of a reader is always the same one. Each defect (an exception that is no refusal, a
hang, a file outside the folder) is told once with its number and kept as a file; the table at the
end says how many inputs were taken and refused, and what processor time and memory the worst one
took. The exit status is 1 where there is a defect.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
import traceback
from pathlib import Path
from random import Random

import pytest

from tests.fuzz.conftest import surroundings
from tests.fuzz.reader import Reader
from tests.fuzz.readers import readers
from tests.fuzz.survival import Hang, Trial


def _where(error: BaseException) -> str:
    """The exception and the last lines of our own code it went through."""
    frames = list(traceback.extract_tb(error.__traceback__))
    ours = [f for f in frames if "/tests/" not in f.filename and "site-packages" not in f.filename]
    last = "; ".join(f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in ours[-3:])
    return f"{type(error).__name__} at {last or frames[-1].filename}"


def fuzz(name: str, reader: Reader, first: int, inputs: int, seconds: float, kept: Path) -> int:
    """Print the reader's line of the table; returns how many different defects it has."""
    defects: dict[str, int] = {}
    began, slowest, done = time.monotonic(), 0.0, 0
    with tempfile.TemporaryDirectory() as scratch:
        trial = Trial(reader, Path(scratch) / "trial")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for number in range(first, first + inputs):
            if time.monotonic() - began > seconds:
                break
            content = reader.make(Random(f"{name}/{number}"))
            start = time.process_time()
            try:
                trial.read(content)
            except (Exception, Hang) as error:
                where = _where(error)
                if where not in defects:
                    defects[where] = number
                    path = kept / f"{name.replace(' ', '-')}-{number}"
                    path.write_bytes(content)
                    print(f"DEFECT {name}, input {number}: {where}: {str(error)[:150]!r}\n  {path}")
            slowest = max(slowest, time.process_time() - start)
            done += 1
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    told = ", ".join(f"{count:,} {what}" for what, count in sorted(trial.told.items()))
    print(
        f"{name:<20} {done:>7,} inputs: {told or 'none'}; {len(defects)} defects; slowest "
        f"{slowest:.2f} s; peak memory +{(after - before) / 1024:.0f} MB; "
        f"{time.monotonic() - began:.0f} s",
        flush=True,
    )
    return len(defects)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("reader", nargs="*", help=", ".join(readers()))
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="at most, a reader")
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / "fuzz-defects")
    given = parser.parse_args()
    given.keep.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as prompts:
        surroundings(Path(prompts), pytest.MonkeyPatch())
        found = [
            fuzz(name, reader, given.first, given.inputs, given.seconds, given.keep)
            for name, reader in readers().items()
            if not given.reader or name in given.reader
        ]
    return 1 if any(found) else 0


if __name__ == "__main__":
    sys.exit(main())
