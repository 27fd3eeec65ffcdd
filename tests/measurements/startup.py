"""What verbs that make no image cost, against an earlier version, and scoring against VISOR's code.

``python -m tests.measurements.startup --old CHECKOUT --rounds 5`` prints a table: seconds of
processor time of ``compare``, ``score`` and ``status``, imports included, in an earlier version
(a checkout with an environment in ``.venv``) and in this one, in turn, the least of some rounds.
Both read their modules compiled, as pip installs them, whatever this process is told of that. The
runs are the earlier version's: VISOR's full size without pictures, and 10 prompts x 4 of the lab
at 10 steps; a row is printed once it is measured. Then scoring full VISOR from stored boxes, with
intervals, against what the official notebook and ``visor.py`` compute from the same boxes, without
them.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from spatialbench import plugins
from tests.stages.full_size import peak_memory
from tests.visor.visor_py import visor_py

ROOT = Path(__file__).parents[2]
MAKE = (
    "import sys, pathlib; from tests.stages.full_size import make; make(pathlib.Path(sys.argv[1]))"
)
THRESHOLD = float(np.float32(0.1))


def spent(command: Sequence[str], cwd: Path, compiled: Path) -> float:
    """Seconds of processor time of a command; ``compiled`` is a folder for its modules."""
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(compiled)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=cwd, check=True, capture_output=True, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def records(detections: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The notebook's record of each image, from the stored boxes. Source: microsoft/VISOR."""
    visor = plugins.load("benchmark", "visor")
    prompts = {prompt.id: prompt for prompt in visor.prompts("relational")}
    with detections.open() as lines:
        for line in lines:
            found = json.loads(line)
            prompt = prompts[found["prompt_id"]]
            classes, centroid = [], []
            for label, score, (x0, y0, x1, y1) in zip(
                found["labels"], found["scores"], found["boxes"], strict=True
            ):
                if score > THRESHOLD:
                    classes.append(label)
                    centroid.append([(x0 + x1) / 2, (y0 + y1) / 2])
            first, second = prompt.objects
            sra = 0
            relation = str(prompt.triplet.relation) if prompt.triplet else "and"
            axis = 0 if relation in ("left", "right") else 1
            sign = 1 if relation in ("left", "above") else -1
            for one, at in zip(classes, centroid, strict=True):
                for other, there in zip(classes, centroid, strict=True):
                    if one == first and other == second and sign * (there[axis] - at[axis]) > 0:
                        sra = 1
            record = {"classes": classes, "centroid": centroid, "sra": sra, "text": prompt.text}
            record["recall"] = len({first, second} & set(classes))
            yield f"{found['prompt_id']}_{found['index']}", record


def official(run: Path) -> None:
    """The records through a results file to the numbers; prints seconds and the numbers."""
    plugins.load("benchmark", "visor").prompts("all")
    started = time.process_time()
    (journal,) = (run / "detections").rglob("*.jsonl")
    results = run / "results.json"
    results.write_text(json.dumps(dict(records(journal))))
    prompts = plugins.load("benchmark", "visor").prompts("all")
    row = visor_py(json.loads(results.read_text()), prompts).row()
    print(json.dumps({"cpu": time.process_time() - started, "row": row, "peak": peak_memory()}))


def told(*arguments: str) -> dict[str, Any]:
    """What a process of its own prints as JSON."""
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=ROOT, check=True, capture_output=True, text=True
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def verbs(old: Path, rounds: int, work: Path) -> None:
    """The table of verbs: a row as soon as it is measured, those first that need no image made."""
    pythons = {"earlier": (str(old / ".venv/bin/python"), old), "now": (sys.executable, ROOT)}
    first, where = pythons["earlier"]
    compiled = work / "compiled"
    print(
        "| command | earlier s | now s | now / earlier |\n| --- | ---: | ---: | ---: |", flush=True
    )
    for name, arguments in {
        "status, 101,120 images": ["status", str(work / "full")],
        "score, 101,120 images": ["score", str(work / "full")],
        "status, 40 images": ["status", str(work / "sd")],
        "score, 40 images": ["score", str(work / "sd")],
        "compare, 40 images each": ["compare", str(work / "sd"), str(work / "infsplign")],
    }.items():
        for run in map(Path, arguments[1:]):
            if not run.exists() and run.name == "full":
                spent([first, "-c", MAKE, str(run)], where, compiled)
                spent([first, "-m", "spatialbench", "score", str(run)], where, compiled)
            elif not run.exists():
                made = ["run", "--method", run.name, "--bench", "visor", "--limit", "10"]
                made += ["--steps", "10", "--out", str(run)]
                spent([first, "-m", "spatialbench", *made], where, compiled)
        taken: dict[str, list[float]] = {version: [] for version in pythons}
        for turn in range(rounds + 1):
            for version, (python, cwd) in pythons.items():
                if arguments[0] == "score":
                    for written in ("summary.json", "scores.parquet"):
                        Path(arguments[1], written).unlink(missing_ok=True)
                seconds = spent([python, "-m", "spatialbench", *arguments], cwd, compiled)
                if turn:  # the first one compiles
                    taken[version].append(seconds)
        earlier, now = min(taken["earlier"]), min(taken["now"])
        print(f"| {name} | {earlier:.2f} | {now:.2f} | {now / earlier:.2f} |", flush=True)


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--old", type=Path)
    asked.add_argument("--rounds", type=int, default=5)
    asked.add_argument("--official", type=Path, help=argparse.SUPPRESS)
    given = asked.parse_args()
    if given.official:
        official(given.official)
        return
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        if given.old:
            verbs(given.old.resolve(), given.rounds, work)
        else:
            subprocess.run([sys.executable, "-c", MAKE, str(work / "full")], cwd=ROOT, check=True)
        ours, theirs = [], []
        for _ in range(given.rounds):
            for written in ("summary.json", "scores.parquet"):
                (work / "full" / written).unlink(missing_ok=True)
            ours.append(told("tests.stages.full_size", str(work / "full"), "score")["cpu"])
            theirs.append(
                told("tests.measurements.startup", "--official", str(work / "full"))["cpu"]
            )
        summary = json.loads((work / "full/summary.json").read_text())["metrics"]
        row = told("tests.measurements.startup", "--official", str(work / "full"))["row"]
        same = [key for key, value in row.items() if f"{summary.get(key, 0):.2f}" == value]
        print(
            f"\nScoring full VISOR from boxes: {min(ours):.2f} s with intervals, the official "
            f"computation {min(theirs):.2f} s without: {min(ours) / min(theirs):.2f} times. "
            f"The same to two decimals: {', '.join(same)}."
        )
        shutil.rmtree(work / "full")


if __name__ == "__main__":
    main()
