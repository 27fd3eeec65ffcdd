"""What packing a run is worth, and what it survives. By hand:

python -m tests.measurements.packs kills            # 20 SIGKILLs of a packed run of 60 images
python -m tests.measurements.packs status FOLDER    # 101,120 images in files, then in packs

The first compares every image as it is read back, and every other file, with those of a run in
files that nobody killed. The second prints, of a complete run of full VISOR, the number of files
and folders and the processor time of ``spatialbench status``: the least of a few turns, beside that
of a run of no image, which is what importing and the benchmark's prompts cost. FOLDER is best in
memory.
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

from spatialbench import plugins
from spatialbench.runs.machine import this_machine
from spatialbench.runs.opening import RunSpec, open_existing
from spatialbench.runs.packing import pack
from spatialbench.runs.progress import Silent
from spatialbench.runs.selection import Selection
from spatialbench.scoring.score import score
from tests.opened_runs import open_run
from tests.stages.fakes import Painter
from tests.stages.full_size import IMAGES, make
from tests.stages.test_kill import KILLS, killed_often


def inodes(folder: Path) -> int:
    """Files and folders, the run's own among them."""
    return 1 + sum(1 for _ in folder.rglob("*"))


def status_cost(folder: Path) -> float:
    """Processor seconds of the command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "spatialbench", "status", str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def of_status(folder: Path, turns: int) -> dict[str, object]:
    """Make the run, pack it, and measure before and after."""
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), (10, 20, 30)).save(buffer, format="PNG")
    run = make(folder / "run", buffer.getvalue())
    score(run, Silent())
    benchmark = plugins.load("benchmark", "visor")
    spec = RunSpec(benchmark, "relational", Painter(steps=1))
    open_run(spec, Selection(), this_machine(), folder / "none")
    nothing = min(status_cost(folder / "none") for _ in range(turns))
    report: dict[str, object] = {"images": IMAGES, "no image, CPU s": round(nothing, 2)}
    for what in ("files", "packs"):
        if what == "packs":
            pack(open_existing(folder / "run", benchmark), Silent())
        cost = min(status_cost(folder / "run") for _ in range(turns))
        report[f"{what}, inodes"] = inodes(folder / "run")
        report[f"{what}, CPU s"] = round(cost, 2)
        report[f"{what}, CPU s beyond"] = round(cost - nothing, 2)
    return report


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["kills", "status"])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--kills", type=int, default=KILLS)
    parser.add_argument("--turns", type=int, default=5)
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory(dir=options.folder) as place:
        if options.what == "status":
            print(json.dumps(of_status(Path(place), options.turns)))
            return
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["tests.stages.test_kill", "pyarrow.parquet"])
        hits = killed_often(Path(place), context, options.kills, packing=True)
        print(json.dumps({"kills": hits.total(), "by stage": hits, "different": []}))


if __name__ == "__main__":
    main()
