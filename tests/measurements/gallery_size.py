"""How long a gallery of all of VISOR takes, and how large its index is. By hand:

python -m tests.measurements.gallery_size FOLDER [prompts]

Writes a run of 25,280 prompts with four images each: boxes and verdicts, and no image files.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np

from spatialbench import plugins
from spatialbench.cli import main as cli
from spatialbench.prompts import Prompt
from spatialbench.runs.machine import this_machine
from spatialbench.runs.opening import Run, RunSpec
from spatialbench.runs.progress import Silent
from spatialbench.runs.selection import Selection
from spatialbench.scoring.score import score
from tests.opened_runs import open_run
from tests.stages.fakes import Finder, Painter


def write_run(folder: Path, prompts: int | None) -> Run:
    """A scored run with random boxes."""
    benchmark = plugins.load("benchmark", "visor")
    spec = RunSpec(benchmark, "relational", Painter())
    run = open_run(spec, Selection(limit=prompts), this_machine(), folder)
    rng = np.random.default_rng(0)
    word = Finder().signature()
    run.directory.detector_folder(word).mkdir(parents=True)
    told = {"signature": word, "identity": {}}
    run.directory.detector_file(word).write_text(json.dumps(told))
    with run.directory.detection_journal(word).writer() as journal:
        journal.append(_record(prompt, k, rng) for prompt in run.expected.prompts for k in range(4))
    run.directory.detection_journal(word).merge(run.expected.order, print)
    score(run, Silent())
    return run


def _record(prompt: Prompt, k: int, rng: np.random.Generator) -> dict[str, object]:
    corners = np.sort(rng.uniform(0, 512, (3, 2, 2)), axis=1).reshape(3, 4)
    labels = [prompt.objects[i] for i in (0, 1, int(rng.integers(2)))]
    return {
        "prompt_id": prompt.id,
        "index": k,
        "width": 512,
        "height": 512,
        "boxes": corners.round(2).tolist(),
        "scores": rng.uniform(0, 0.4, 3).round(4).tolist(),
        "labels": labels,
    }


def main() -> None:
    folder = Path(sys.argv[1])
    run = write_run(folder, int(sys.argv[2]) if len(sys.argv) > 2 else None)
    started, used = time.perf_counter(), time.process_time()
    status = cli(["gallery", str(folder)])
    size = (folder / "gallery" / "index.html").stat().st_size
    size += (folder / "gallery" / "data" / "facets.js").stat().st_size
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    seconds, busy = time.perf_counter() - started, time.process_time() - used
    print(
        f"status {status}: {run.expected.images:,} images in {seconds:.0f} s ({busy:.0f} s of "
        f"processor), {peak:.2f} GiB at most, index and filter table {size / 1e6:.2f} MB"
    )


if __name__ == "__main__":
    main()
