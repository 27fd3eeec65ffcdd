"""Fuzz readers of foreign files by coverage, with atheris: ``pip install atheris`` first.

    python -m tests.measurements.guided_fuzz [--inputs 10000] [READER ...]

Begins with each reader's valid files and a hundred strange ones, keeps what reaches new code of
spatialbench or Pillow, and changes that further. What is asked of a reader is what ``fuzz`` asks.
Each has a process, for libFuzzer ends its own; a defect is shown with its traceback and kept as a
file. The exit status is 1 where there is one.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from random import Random

STRANGE = 100
LONGEST = 20_000
"""Bytes of an input; longer ones are in ``fuzz``."""


def guide(name: str, inputs: int, folder: Path) -> None:
    """Fuzz one reader in this process, which ends with it."""
    import atheris

    with atheris.instrument_imports(include=["spatialbench", "PIL"]):
        import pytest

        from tests.fuzz.conftest import surroundings
        from tests.fuzz.readers import readers
        from tests.fuzz.survival import Trial

        (folder / "prompts").mkdir()
        surroundings(folder / "prompts", pytest.MonkeyPatch())
        reader = readers()[name]
        trial = Trial(reader, folder / "around" / "trial")
        # What readers import, they import when they read: so while imports are instrumented.
        for seed in reader.seeds:
            trial.read(seed)
    corpus = folder / "corpus"
    corpus.mkdir()
    strange = [reader.make(Random(f"{name}/{number}")) for number in range(STRANGE)]
    for number, content in enumerate([*reader.seeds, *strange]):
        (corpus / str(number)).write_bytes(content[:LONGEST])
    options = [f"-runs={inputs}", f"-max_len={LONGEST}", "-timeout=0", "-rss_limit_mb=4096"]
    kept = f"-artifact_prefix={tempfile.gettempdir()}/guided-{name.replace(' ', '-')}-"
    atheris.Setup([sys.argv[0], *options, kept, str(corpus)], trial.read)
    atheris.Fuzz()


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("reader", nargs="*", help="as `fuzz --help` lists them; all")
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--alone", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.alone:
        guide(given.reader[0], given.inputs, given.alone)
    # Not earlier: the process of one reader imports it where imports are instrumented.
    from tests.fuzz.readers import readers

    defects = 0
    for name in given.reader or readers():
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", __spec__.name, name, "--alone", folder]
            ended = subprocess.run(
                [*command, "--inputs", str(given.inputs)], capture_output=True, text=True
            )
        told = re.findall(r"#(\d+)\s+\w+\s+cov: (\d+)", ended.stderr)
        runs, reached = told[-1] if told else ("0", "0")
        first = told[0][1] if told else "0"
        print(f"{name:<20} {int(runs):>7,} inputs: {first} -> {reached} branches", flush=True)
        if ended.returncode:
            defects += 1
            print(f"DEFECT {name}:\n{ended.stdout[-3000:]}{ended.stderr[-2000:]}", flush=True)
    return 1 if defects else 0


if __name__ == "__main__":
    sys.exit(main())
