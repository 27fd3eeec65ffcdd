"""What encoding prompts costs of an image's time, and whether a batch gives the same embeddings.

``OMP_NUM_THREADS=1 python -m tests.measurements.text_encoding`` prints, for ``lab`` and
``lab-mmdit`` on this processor and in one process: the seconds of processor time of a run's text
encoding with each distinct prompt encoded once and alone (as every method does), with every prompt
of every image encoded alone, and in batches; each as a part of the images' own time; and how many
of the embeddings a batch changes, and by how much. ``--backbone FOLDER`` is any other.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch

from spatialbench import plugins
from spatialbench.backbones.families import of_pipeline
from spatialbench.backbones.named import resolve
from spatialbench.backbones.pipelines import load_pipeline
from spatialbench.backbones.prompt_embeddings import PromptEncoder
from spatialbench.plugins import GenerationSettings
from spatialbench.runs.opening import RunSpec
from spatialbench.runs.selection import Selection


def spent(work: Callable[[], object], rounds: int) -> float:
    """The least seconds of processor time of some rounds."""
    taken = []
    for _ in range(rounds):
        started = time.process_time()
        work()
        taken.append(time.process_time() - started)
    return min(taken)


def changed(pipe: Any, texts: Sequence[str], size: int) -> tuple[int, float]:
    """How many embeddings differ in a batch of this size, and the largest relative difference."""
    other, most = 0, 0.0
    for start in range(0, len(texts), size):
        some = list(texts[start : start + size])
        with torch.no_grad():
            together = of_pipeline(pipe).encode(pipe, some).tokens
            alone = torch.cat([of_pipeline(pipe).encode(pipe, text).tokens for text in some])
        apart = (together - alone).abs().amax(dim=(1, 2))
        other += int((apart > 0).sum())
        most = max(most, float((apart / alone.abs().amax(dim=(1, 2))).max()))
    return other, most


def measure(backbone: str, prompts: int, rounds: int) -> None:
    """The rows of one backbone."""
    method: Any = plugins.load("method", "sd").configure(GenerationSettings(backbone), {})
    expected = RunSpec(plugins.load("benchmark", "visor"), "relational", method).expect(
        Selection(limit=prompts)
    )
    requests = list(map(expected.request, expected.keys()))
    texts = [request.prompt.text for request in requests]
    distinct = [prompt.text for prompt in expected.prompts]
    pipe = load_pipeline(resolve(backbone))
    method.generate(requests[:4])  # loads

    def as_in_a_run() -> None:
        encoder = PromptEncoder(pipe)
        for start in range(0, len(texts), 4):
            encoder.batch(texts[start : start + 4], guided=True)

    def every_time() -> None:
        for text in texts:
            for one in (text, ""):
                with torch.no_grad():
                    of_pipeline(pipe).encode(pipe, one)

    def in_batches() -> None:
        for start in range(0, len(distinct), 16):
            with torch.no_grad():
                of_pipeline(pipe).encode(pipe, distinct[start : start + 16])

    made = requests[: 4 * min(2, prompts)]
    per_image = spent(lambda: method.generate(made), rounds) / len(made)
    for name, work in {
        "each distinct prompt once, alone (as it is)": as_in_a_run,
        "every prompt and negative prompt of every image": every_time,
        "distinct prompts, 16 at a time": in_batches,
    }.items():
        each = spent(work, rounds) / len(texts)
        share = 100 * each / per_image
        print(f"| {backbone} | {name} | {1000 * each:.3f} | {share:.2f} |", flush=True)
    for size in (2, 4, 16):
        other, most = changed(pipe, distinct, size)
        print(
            f"{backbone}: {size} at a time changes {other} of {len(distinct)} embeddings, by at "
            f"most {most:.1e} of the largest number in them.",
            flush=True,
        )


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--backbone", action="append")
    asked.add_argument("--prompts", type=int, default=48)
    asked.add_argument("--rounds", type=int, default=3)
    given = asked.parse_args()
    print("| backbone | text encoding | ms per image | % of an image's time |")
    print("| --- | --- | ---: | ---: |")
    for backbone in given.backbone or ["lab", "lab-mmdit"]:
        measure(backbone, given.prompts, given.rounds)


if __name__ == "__main__":
    main()
