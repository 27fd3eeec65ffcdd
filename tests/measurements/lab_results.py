"""The tables of ``results/lab``: the lab's recipes, their rows made side by side.

``python -m tests.measurements.lab_results --jobs 15 --minutes 8 --work FOLDER`` makes the runs of
the recipes below and writes a table of each into ``results/lab``. The same command again goes on
where the last one stopped; ``--minutes 0`` only writes the tables of what is whole. On one NVIDIA
H200 it takes about 8 minutes with ``--batch-size 500``, on two cores a day.

A recipe alone: ``spatialbench reproduce lab/methods-visor``.
"""

from __future__ import annotations

import argparse
import glob
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from tests.measurements.uninstalled import ROOT, usable

RECIPES = ("methods-visor", "methods-geneval", "methods-t2i-compbench", "windows", "activations")
AT_ONCE = 2_000
"""Images of a job: a run that draws more is made in several parts."""
REFINED = 3
"""How many images one of a method with iterations counts for."""


@dataclass
class Row:
    """A run that some recipes' rows are, and the command that makes it."""

    recipe: str
    name: str
    images: int
    parts: int
    users: list[tuple[str, str]] = field(default_factory=list)
    left: int = 0


def rows(recipes: Sequence[str], work: Path, limit: int | None) -> list[Row]:
    """Every run once, the largest of a recipe first."""
    from spatialbench.api.reproducing import asked

    found: dict[tuple[object, ...], Row] = {}
    for recipe in recipes:
        for row in asked(f"lab/{recipe}", out=work, limit=limit, device="cpu").rows:
            for part in row.parts:
                key = (str(part.folder), part.limit, part.only, part.images_per_prompt)
                draws = int(str(dict(row.point.settings).get("n", 1)))
                refined = str(row.point.method).startswith(("attend", "storm"))
                images = row.asked[0] * row.asked[1]
                drawn = images * draws * (REFINED if refined else 1)
                whole = Row(recipe, row.name, images, -(-drawn // AT_ONCE))
                found.setdefault(key, whole).users.append((recipe, row.name))
    place = [row.recipe for row in found.values()]
    return sorted(found.values(), key=lambda row: (place.index(row.recipe), -row.parts))


def command(row: Row, given: argparse.Namespace, part: int | None = None) -> list[str]:
    """What makes a run, or a part of it."""
    made = [sys.executable, "-P", "-m", "spatialbench", "reproduce", f"lab/{row.recipe}"]
    made += ["--rows", glob.escape(row.name), "--out", str(given.work)]
    made += ["--batch-size", str(given.batch_size)]
    if given.device:
        made += ["--device", given.device]
    if given.limit:
        made += ["--limit", str(given.limit)]
    return made if part is None else [*made, "--shard", f"{part}/{row.parts}"]


def measure(found: Sequence[Row], given: argparse.Namespace) -> list[Row]:
    """Make what is not there until the time is up; the runs that are whole."""
    until = time.monotonic() + 60 * given.minutes
    whole: list[Row] = []
    counting = Lock()

    def job(row: Row, part: int | None) -> None:
        left = until - time.monotonic()
        if left < 5:
            return
        log = given.work / "logs" / f"{found.index(row)}-{part or 0}.log"
        with log.open("w") as said:
            try:
                done = subprocess.run(
                    command(row, given, part), stdout=said, stderr=said, timeout=left, check=False
                )
            except subprocess.TimeoutExpired:
                return
        if done.returncode:
            print(f"{row.recipe}: {row.name}: {log.read_text()[-300:]}", flush=True)
            return
        with counting:
            row.left -= 1
            joined, ended = row.left == 0, row.left < 0
        print(f"{time.monotonic() - begun:5.0f} s {row.recipe}: {row.name}", flush=True)
        if joined:  # the parts are there: put them together
            job(row, None)
        elif ended:
            whole.append(row)

    begun = time.monotonic()
    (given.work / "logs").mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(given.jobs) as pool:
        for row in found:
            row.left = row.parts if row.parts > 1 else 0
            for part in range(1, row.parts + 1) if row.parts > 1 else [None]:
                pool.submit(job, row, part)
    return whole


def tables(recipes: Sequence[str], whole: Sequence[Row], given: argparse.Namespace) -> None:
    """A table of each recipe, of the rows that are there."""
    given.out.mkdir(parents=True, exist_ok=True)

    def table(recipe: str) -> None:
        names = [name for row in whole for of, name in row.users if of == recipe]
        if not names:
            return
        made = [sys.executable, "-P", "-m", "spatialbench", "reproduce", f"lab/{recipe}"]
        made += ["--out", str(given.work), "--format", "md"]
        made += ["--limit", str(given.limit)] if given.limit else []
        made += [part for name in names for part in ("--rows", glob.escape(name))]
        done = subprocess.run(made, capture_output=True, text=True, check=False)
        if done.returncode:
            print(recipe, done.stderr[-1000:], flush=True)
        else:
            (given.out / f"{recipe}.md").write_text(done.stdout)

    with ThreadPoolExecutor(given.jobs) as pool:
        list(pool.map(table, recipes))


def main() -> None:
    """See the module."""
    usable()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("recipes", nargs="*", default=RECIPES)
    asked.add_argument("--jobs", type=int, default=1)
    asked.add_argument("--minutes", type=float, default=60)
    asked.add_argument("--batch-size", type=int, default=32)
    asked.add_argument("--device")
    asked.add_argument("--limit", type=int)
    asked.add_argument("--work", type=Path, default=Path("runs/lab-results"))
    asked.add_argument("--out", type=Path, default=ROOT / "results" / "lab")
    given = asked.parse_args()
    given.work = given.work.resolve()
    found = rows(given.recipes, given.work, given.limit)
    print(f"{len(found)} runs, {sum(row.images for row in found):,} images", flush=True)
    tables(given.recipes, measure(found, given), given)


if __name__ == "__main__":
    main()
