"""``spatialbench score``: the third stage alone, on a run or on a file from elsewhere."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..api import choosing
from ..api.console import progress, stdout_reserved
from ..errors import UserError
from ..files.regular_files import open_regular
from ..reports.report import Form, Report
from .options import format_option, rule_options

if TYPE_CHECKING:
    from ..exchange.foreign import Scored
    from ..plugins import Benchmark

_FIRST_KEY = re.compile(rb'(?:\xef\xbb\xbf)?\s*\{\s*"((?:[^"\\]|\\.)*)"')
_OUR_KEYS = {b"prompt_id", b"index", b"width", b"height", b"boxes", b"scores", b"labels"}
_HEAD = 65536


@click.command("score")
@click.argument("run", required=False, type=click.Path(path_type=Path))
@click.option("--bench", help="With --detections: the benchmark, as NAME or NAME:subset.")
@click.option(
    "--detections",
    type=click.Path(path_type=Path),
    help="Score this file instead of a run: detections as JSON Lines, or the results file of the "
    "benchmark's official scorer.",
)
@click.option(
    "--images-per-prompt",
    type=click.IntRange(min=1),
    help="With --detections: how many images each prompt should have.",
)
@click.option(
    "--detector", help="Where several detectors looked at the run: which, by name or signature."
)
@click.option("--judge", help="Where several judges answered: which.")
@rule_options
@click.option(
    "--verdicts",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write one JSON object per image: correct, score and reason.",
)
@format_option
def command(
    run: Path | None,
    bench: str | None,
    detections: Path | None,
    detector: str | None,
    judge: str | None,
    rule: str | None,
    threshold: float | None,
    images_per_prompt: int | None,
    verdicts: Path | None,
    form: Form,
) -> None:
    """Apply the benchmark's rule to stored detections and print the table.

    Either RUN, a run directory, or --bench with --detections.
    """
    from ..stages.preflight import require_writable

    with stdout_reserved():
        if verdicts is not None:
            require_writable(verdicts.parent)
        if detections is not None:
            if run is not None or bench is None or detector or judge:
                raise UserError(
                    "--detections goes with --bench and without a run: type 'spatialbench score "
                    "--bench NAME --detections FILE'."
                )
            report = _score_file(bench, detections, rule, threshold, verdicts, images_per_prompt)
        elif run is None or bench is not None or images_per_prompt is not None:
            raise UserError(
                "nothing to score: name a run directory, or give --bench and --detections FILE."
            )
        else:
            report = _score_run(run, (detector, judge), rule, threshold, verdicts)
    click.echo(report.text(form))


def _score_run(
    folder: Path,
    models: tuple[str | None, str | None],
    rule: str | None,
    threshold: float | None,
    verdicts: Path | None,
) -> Report:
    from ..reports.single import summary_report
    from ..scoring.score import read_verdicts, score

    run = choosing.existing_run(folder)
    benchmark = run.expected.benchmark
    judging = choosing.judging(benchmark, rule, threshold, run.expected.subset)
    summary = score(run, progress(), judging, *models)
    if verdicts is not None:
        _write(verdicts, read_verdicts(run))
    return summary_report(summary, benchmark)


def _score_file(
    bench: str,
    path: Path,
    rule: str | None,
    threshold: float | None,
    verdicts: Path | None,
    images: int | None,
) -> Report:
    from ..reports.single import summary_report

    benchmark, subset = choosing.benchmark_and_subset(bench)
    if not path.is_file():
        raise UserError(f"there is no file {path}; expected detections or official results.")
    whole = ":" in bench
    if is_ours(path):
        scored = _detections(benchmark, subset if whole else None, path, rule, threshold, images)
    else:
        scored = _official(benchmark, subset if whole else None, path, rule, threshold, images)
    if verdicts is not None:
        _write(verdicts, scored.verdicts())
    return summary_report(scored.summary, benchmark)


def is_ours(path: Path) -> bool:
    """Whether a file holds our detections records, and not a benchmark's official results."""
    with open_regular(path) as file:
        first = _FIRST_KEY.match(file.read(_HEAD))
    return first[1] in _OUR_KEYS if first else path.suffix == ".jsonl"


def _detections(
    benchmark: Benchmark,
    subset: str | None,
    path: Path,
    rule: str | None,
    threshold: float | None,
    images: int | None,
) -> Scored:
    from ..exchange.foreign import Origin, read_records, score_records

    return score_records(
        benchmark,
        read_records(path),
        judging=choosing.judging(benchmark, rule, threshold, subset),
        origin=Origin(subset=subset, complete=subset is not None, images_per_prompt=images),
    )


def _official(
    benchmark: Benchmark,
    subset: str | None,
    path: Path,
    rule: str | None,
    threshold: float | None,
    images: int | None,
) -> Scored:
    """Its records are judged already, so another rule or threshold cannot be applied to them.

    With a subset all of its prompts are expected.
    """
    from ..exchange.foreign import Origin, score_verdicts
    from ..exchange.read_results import official_reader
    from ..runs.imported import rewritten_note

    origin = Origin(subset=subset, complete=subset is not None, images_per_prompt=images)
    if benchmark.official_reader(subset or benchmark.default_subset, images) is None:
        raise UserError(
            f"{path} does not hold detections as JSON Lines, and {benchmark.name} reads no other "
            "file: expected one object per line with prompt_id, index, width, height, boxes, "
            "scores and labels."
        )
    read = official_reader(benchmark, subset or benchmark.default_subset, images)
    rewritten = benchmark.rewritten_prompts(path)
    default = choosing.rule(benchmark, None, subset)
    chosen = choosing.rule(benchmark, rule, subset)
    if chosen.name != default.name or threshold not in (None, default.threshold):
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


def _write(path: Path, verdicts: Iterable[Mapping[str, Any]]) -> None:
    from ..runs.files import make_folder, write_atomic

    make_folder(path.parent)
    write_atomic(path, "".join(_lines(verdicts)).encode())


def _lines(verdicts: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for verdict in verdicts:
        record = {
            key: None if isinstance(value, float) and math.isnan(value) else value
            for key, value in verdict.items()
        }
        yield json.dumps(record, allow_nan=False) + "\n"
