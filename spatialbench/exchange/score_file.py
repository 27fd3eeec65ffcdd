"""Scoring one file from elsewhere: our detections records, or a benchmark's official results."""

from __future__ import annotations

import re
from pathlib import Path

from ..errors import UserError
from ..files.regular_files import open_regular
from ..plugins import Benchmark
from ..runs.imported import rewritten_note
from ..scoring.judging import Judging
from .foreign import Origin, Scored, read_records, score_records, score_verdicts
from .read_results import official_reader, rewritten_in

_FIRST_KEY = re.compile(rb'(?:\xef\xbb\xbf)?\s*\{\s*"((?:[^"\\]|\\.)*)"')
_OUR_KEYS = {b"prompt_id", b"index", b"width", b"height", b"boxes", b"scores", b"labels"}
_HEAD = 65536


def score_file(
    benchmark: Benchmark,
    path: Path,
    judging: Judging,
    subset: str | None = None,
    images_per_prompt: int | None = None,
) -> Scored:
    """Verdicts and their summary; nothing is written.

    Args:
        path: detections as JSON Lines, or the results file of the benchmark's official scorer; a
            folder of such files where the benchmark reads one.
        judging: of detections; official results are judged already.
        subset: with one, all of its prompts are expected; None for those that appear.
        images_per_prompt: how many of each are expected; None for what there are.

    Raises:
        UserError: no such file, another rule or threshold for official results, or as the readers.
    """
    folder = path.is_dir() and (subset or benchmark.default_subset) in benchmark.results_folders
    if not (folder or path.is_file()):
        raise UserError(f"there is no file {path}; expected detections or official results.")
    origin = Origin(subset=subset, complete=subset is not None, images_per_prompt=images_per_prompt)
    if is_ours(path):
        return score_records(benchmark, read_records(path), judging=judging, origin=origin)
    if benchmark.official_reader(subset or benchmark.default_subset, images_per_prompt) is None:
        raise UserError(
            f"{path} does not hold detections as JSON Lines, and {benchmark.name} reads no other "
            "file: expected one object per line with prompt_id, index, width, height, boxes, "
            "scores and labels."
        )
    read = official_reader(benchmark, subset or benchmark.default_subset, images_per_prompt)
    rewritten = rewritten_in(benchmark, path, subset)
    default = Judging.by_default(benchmark, subset)
    if judging.name != default.name or judging.threshold != default.threshold:
        raise UserError(
            f"{path} holds verdicts that were made with one rule and threshold already: leave out "
            "--rule and --threshold, or give detections as JSON Lines."
        )
    return score_verdicts(
        benchmark,
        read(path),
        rule=default.name,
        threshold=default.threshold,
        origin=origin,
        notes=[rewritten_note(rewritten)] if rewritten else [],
    )


def is_ours(path: Path) -> bool:
    """Whether a path is a file of our detections records, and no official results."""
    if path.is_dir():
        return False
    with open_regular(path) as file:
        first = _FIRST_KEY.match(file.read(_HEAD))
    return first[1] in _OUR_KEYS if first else path.suffix == ".jsonl"
