"""Images out and in again: the lab's own runs, and 800 of the models in VISOR's paper. By hand:

python -m tests.measurements.round_trips FOLDER [prompts]

A run of each benchmark on the lab is exported in every layout, imported, looked at by the lab's
detector and scored: every number has to be the run's own. Then the images in
``SPATIALBENCH_DATA/visor/images`` are imported, looked at and shown side by side in a gallery; the
lab's detector was never trained for photographs, so that says nothing about those models.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from spatialbench.cli import main as cli

BENCHMARKS = ("visor", "t2i-compbench", "geneval:position")
LAYOUTS = ("visor", "t2i-compbench", "geneval", "flat+csv")
DETECTOR = ("--detector", "lab-owlvit")
HOW = {
    "method",
    "backbone",
    "signature",
    "run",
    "inputs",
    "scores_sha256",
    "summary_sha256",
    "notes",
}
"""What a summary says of where the images are from; everything else is a number of theirs."""


def do(*arguments: object) -> None:
    """One command, which has to succeed."""
    print("$ spatialbench", *arguments, flush=True)
    status = cli([str(argument) for argument in arguments])
    if status:
        sys.exit(f"exit status {status}")


def numbers(run: Path) -> dict[str, Any]:
    """The summary without what the import cannot know."""
    summary = json.loads((run / "summary.json").read_text())
    return {key: value for key, value in summary.items() if key not in HOW}


def there_and_back(folder: Path, bench: str, prompts: int) -> None:
    """Every layout gives the numbers of the run it was exported from."""
    name = bench.replace(":", "-")
    made = folder / name
    do("run", "--method", "sd", "--bench", bench, "--limit", prompts, "--out", made)
    before = numbers(made)
    for layout in LAYOUTS:
        out, back = folder / f"{name}-as-{layout}", folder / f"{name}-from-{layout}"
        do("export", made, "--layout", layout, "--out", out)
        arguments = ("--layout", layout, "--bench", bench, "--limit", prompts, "--name", "sd")
        do("import", out, *arguments, "--out", back)
        do("detect", back, *DETECTOR)
        do("score", back)
        after = numbers(back)
        if after != before:
            changed = [key for key in before if after.get(key) != before[key]]
            sys.exit(f"{bench} as {layout}: other numbers in {', '.join(changed)}")


def real_images(folder: Path, images: Path) -> None:
    """Two models' images of 100 prompts, beside each other."""
    models = sorted(path.name for path in images.iterdir() if path.is_dir())
    for model in models:
        ids = sorted({path.stem.split("_")[0] for path in (images / model).glob("*.png")})
        arguments = ("--layout", "visor", "--bench", "visor:all", "--only", ",".join(ids))
        do("import", images / model, *arguments, "--name", model, "--out", folder / model)
        do("detect", folder / model, *DETECTOR)
        do("score", folder / model)
    do("gallery", *(folder / model for model in models), "--out", folder / "gallery")


def main() -> None:
    folder = Path(sys.argv[1])
    prompts = int(sys.argv[2]) if len(sys.argv) > 2 else 10
    data = os.environ.get("SPATIALBENCH_DATA")
    if data is None:
        sys.exit("set SPATIALBENCH_DATA to the folder of reference data")
    os.environ.setdefault("SPATIALBENCH_T2I_COMPBENCH", f"{data}/t2i_compbench")
    for bench in BENCHMARKS:
        there_and_back(folder, bench, prompts)
    real_images(folder, Path(data) / "visor" / "images")
    print(f"{len(BENCHMARKS)} benchmarks in {len(LAYOUTS)} layouts: the same numbers")


if __name__ == "__main__":
    main()
