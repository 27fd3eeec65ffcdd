"""Times that are promised, in seconds: of ``--help``, and of a complete run at VISOR's full size.

``python -m tests.measurements.promised_times`` on an idle machine. No test of the suite has a limit
of time: on a busy machine it would fail without a fault, and on a fast one pass with one.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.stages.full_size import IMAGES, make

ROOT = Path(__file__).parents[2]


def of_help(rounds: int = 5) -> float:
    """The shortest of some rounds."""
    taken = []
    for _ in range(rounds):
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "spatialbench", "--help"], check=True, capture_output=True
        )
        taken.append(time.perf_counter() - started)
    return min(taken)


def of_full_size(folder: Path, what: str) -> dict[str, float]:
    """See ``tests.stages.full_size``."""
    command = [sys.executable, "-m", "tests.stages.full_size", str(folder), what]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    report: dict[str, float] = json.loads(done.stdout)
    return report


def main() -> None:
    """Print what was promised and what was measured."""
    print(f"--help: {of_help():.2f} s (promised: 0.3)")
    with tempfile.TemporaryDirectory(prefix="spatialbench-") as scratch:
        folder = make(Path(scratch) / "run").path
        for what, promised in (("score", 6), ("recognise", 5)):
            report = of_full_size(folder, what)
            print(
                f"{what} {IMAGES:,} images: {report['cpu']:.1f} s of processor time (promised: "
                f"{promised}), {report['peak']:.0f} MiB; json alone: {report['parsing']:.1f} s"
            )


if __name__ == "__main__":
    main()
