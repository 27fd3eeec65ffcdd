"""Readers of results and detections made elsewhere, and of prompt files."""

from __future__ import annotations

import json
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import Any

from .inputs import changed_json, line_file, near
from .reader import Read, Reader, benchmark_named, either, json_reader, line_reader

VISOR_RESULTS = {
    "0_0": {"classes": ["person", "bicycle"], "centroid": [[1, 2], [3, 4]], "recall": 2, "sra": 1},
    "1_3": {"classes": [], "centroid": [], "recall": 0, "sra": 0.0, "rel_type": "to the left of"},
}
METADATA = {
    "tag": "position",
    "include": [
        {"class": "dog", "count": 1},
        {"class": "tie", "count": 1, "position": ["right of", 0]},
    ],
    "prompt": "a photo of a tie right of a dog",
}
GENEVAL_RESULT = {
    "filename": "images/00007/samples/00000.png",
    "tag": "position",
    "prompt": METADATA["prompt"],
    "correct": True,
    "reason": "",
    "metadata": json.dumps(METADATA),
    "details": "{}",
}
T2I_RESULTS = [{"question_id": 0, "answer": 0.75}, {"question_id": 19, "answer": 0}]


def _official(bench: str, file: str) -> Read:
    def read(folder: Path) -> None:
        from spatialbench.exchange.foreign import score_verdicts
        from spatialbench.exchange.read_results import official_reader

        benchmark = benchmark_named(bench)
        verdicts = official_reader(benchmark, benchmark.default_subset)(folder / file)
        score_verdicts(benchmark, verdicts, rule="r/1", threshold=0.1)

    return read


def _nested_results(random: Random) -> bytes:
    """GenEval keeps JSON in a string of its JSON."""
    inner = json.dumps(changed_json(random, METADATA))
    return json.dumps(GENEVAL_RESULT | {"metadata": inner}).encode() + b"\n"


def detections_record(prompt_id: str, labels: list[str], **more: Any) -> dict[str, Any]:
    boxes = [[1.0 + n, 2.0, 30.0 + n, 40.0] for n in range(len(labels))]
    return {
        "prompt_id": prompt_id,
        "index": 0,
        "width": 512,
        "height": 384,
        "boxes": boxes,
        "scores": [0.9 - 0.1 * n for n in range(len(labels))],
        "labels": labels,
        **more,
    }


def _detections(bench: str) -> Read:
    def read(folder: Path) -> None:
        from spatialbench.exchange.foreign import read_records, score_records

        benchmark = benchmark_named(bench)
        scored = score_records(benchmark, read_records(folder / "found.jsonl"))
        list(scored.verdicts())
        scored.summary.text()

    return read


_TOKENS = [["a", "DET"], ["dog", "NOUN"], ["left", "ADJ"], ["cat", "NOUN"]]
_COLOURS = {
    "tag": "colors",
    "include": [{"class": "dog", "count": 1, "color": "red"}],
    "prompt": "a photo of a red dog",
}


T2I_LINES = {
    "2d": "a dog on the left of a cat\na cup near a chair\n",
    "3d": "a dog in front of a cat\n",
    "numeracy": "two dogs and three cats\n",
    "complex": "The red hat was on top of the brown coat.\n",
}


def _prompt_lines(folder: Path) -> None:
    from spatialbench.benchmarks.t2i_compbench.prompts import read_prompts

    lines = (folder / "prompts.txt").read_bytes().decode("utf-8", "replace").splitlines()
    for category in ("2d", "3d", "complex"):
        either(partial(read_prompts, category, lines))


@cache
def found() -> dict[str, Reader]:
    """By name."""
    prompts = "".join(T2I_LINES.values()).encode()
    return {
        "visor results": json_reader(
            [VISOR_RESULTS], file="results.json", read=_official("visor", "results.json")
        ),
        "geneval results": Reader(
            file="results.jsonl",
            make=near(
                [json.dumps(GENEVAL_RESULT).encode()], line_file([GENEVAL_RESULT]), _nested_results
            ),
            read=_official("geneval", "results.jsonl"),
            seeds=(json.dumps(GENEVAL_RESULT).encode(),),
        ),
        "t2i results": json_reader(
            [T2I_RESULTS],
            file="vqa_result.json",
            read=_official("t2i-compbench", "vqa_result.json"),
        ),
        "t2i mapping": json_reader(
            [[{"image": "a dog on the left of a cat_000000.png", "question_id": 0}]],
            file="mapping.json",
            read=_official("t2i-compbench", "vqa_result.json"),
            prepare=lambda folder: (folder / "vqa_result.json").write_text(json.dumps(T2I_RESULTS)),
        ),
        "visor detections": line_reader(
            [detections_record("0", ["person", "bicycle"]), detections_record("1", [])],
            file="found.jsonl",
            read=_detections("visor"),
        ),
        "geneval detections": line_reader(
            [
                detections_record("00400", ["dog", "tie"]),
                detections_record("x", ["dog", "tie"], metadata=METADATA),
                detections_record("y", ["dog"], metadata=_COLOURS, colors=["red"]),
            ],
            file="found.jsonl",
            read=_detections("geneval"),
        ),
        "t2i detections": line_reader(
            [
                detections_record("2d_0", ["dog", "cat"]),
                detections_record("own", ["dog", "cat"], prompt="dog by cat", tokens=_TOKENS),
                detections_record("two", ["dog", "cat"], prompt="a dog on the left of a cat"),
            ],
            file="found.jsonl",
            read=_detections("t2i-compbench"),
        ),
        "prompt file": Reader("prompts.txt", near([prompts]), _prompt_lines, (prompts,)),
    }
