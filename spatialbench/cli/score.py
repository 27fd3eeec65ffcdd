"""``spatialbench score``: the third stage alone, on a run or on a file from elsewhere."""

from __future__ import annotations

from pathlib import Path

import click

from ..api import choosing
from ..api.console import progress, say_next, stdout_reserved
from ..errors import UserError
from ..plugins.discovery import name_and_rest
from ..reports.report import FOR_PEOPLE, Form
from ..runs.progress import Silent
from .options import format_option, rule_options, several
from .parsing import Place, RunFolder
from .printing import by_option, show, signature_option


@click.command("score")
@click.argument("run", required=False, type=RunFolder(later=True))
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
@click.option(
    "--judge",
    multiple=True,
    callback=several,
    help="Where several judges answered: which; once for each that the rule needs.",
)
@click.option(
    "--known-names-only",
    is_flag=True,
    help="Only the images that 'detect --known-names-only' looked at; every table is marked [k].",
)
@rule_options
@click.option(
    "--verdicts",
    type=Place(dir_okay=False),
    help="Also write one JSON object per image: correct, score and reason.",
)
@click.option(
    "--replace",
    is_flag=True,
    help="Write this table in the place of one that another detector made of more images.",
)
@by_option
@signature_option
@format_option
def command(
    run: Path | None,
    bench: str | None,
    detections: Path | None,
    detector: str | None,
    judge: str | tuple[str, ...] | None,
    known_names_only: bool,
    rule: str | None,
    threshold: float | None,
    images_per_prompt: int | None,
    verdicts: Path | None,
    replace: bool,
    form: Form,
) -> None:
    """Apply the benchmark's rule to stored detections and print the table.

    Either RUN, a run directory, or --bench with --detections. The table of a
    detector that has seen fewer images than the one of the run's own table is only printed.
    """
    from ..reports.single import summary_report
    from ..scoring.scores_file import verdict_lines
    from ..stages.preflight import require_writable

    called, following = None, list[str]()
    with stdout_reserved():
        if verdicts is not None:
            require_writable(verdicts.parent)
        if detections is not None:
            named = detector or judge or known_names_only or replace
            if run is not None or bench is None or named:
                raise UserError(
                    "--detections goes with --bench and without a run: type 'spatialbench score "
                    "--bench NAME --detections FILE'."
                )
            from ..exchange.score_file import score_file

            benchmark, chosen = choosing.benchmark_and_subset(bench)
            subset = None
            if name_and_rest("benchmark", bench)[1] and not benchmark.takes_file:
                subset = chosen
            judging = choosing.judging(benchmark, rule, threshold, subset)
            scored = score_file(benchmark, detections, judging, subset, images_per_prompt)
            summary, judged = scored.summary, scored.verdicts()
        elif run is None or bench is not None or images_per_prompt is not None:
            raise UserError(
                "nothing to score: name a run directory, or give --bench and --detections FILE."
            )
        else:
            from ..runs.following import after_scoring
            from ..scoring.score import judge_run, looked_by, read_verdicts, score
            from ..scoring.scores_file import table_rows

            opened = choosing.existing_run(str(run))
            benchmark = opened.expected.benchmark
            judging = choosing.judging(benchmark, rule, threshold, opened.expected.subset)
            if known_names_only:
                from ..api.looking import known_run

                opened = known_run(opened, detector)
            summary = score(opened, progress(), judging, detector, judge, replace=replace)
            called = opened.manifest.name
            following = after_scoring(opened)
            judged = read_verdicts(opened)
            if verdicts is not None and not summary.written:
                looked = looked_by(opened, judging, detector, judge)
                found = judge_run(*looked, Silent())
                judged = table_rows(found.table, found.reasons)
        if verdicts is not None:
            from ..runs.files import write_report

            write_report(verdicts, "".join(verdict_lines(judged)).encode())
    show(summary_report(summary, benchmark, called=called), form)
    if form in FOR_PEOPLE:
        say_next(*following)
