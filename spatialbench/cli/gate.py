"""``spatialbench gate``: a run held to a committed file, for continuous integration."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from ..api.console import say
from ..errors import UserError
from ..files.shown_text import counted
from ..reports.report import Form
from .options import format_option
from .parsing import FiniteFloat, Place, RunFolder
from .printing import show, signature_option

_FILE = Place(dir_okay=False)


@click.command("gate")
@click.argument("run", type=RunFolder())
@click.option("--against", type=_FILE, help="The gate file that RUN is checked against.")
@click.option("--junit", "junit_path", type=_FILE, help="Also write JUnit XML to this file.")
@click.option("--markdown", "markdown_path", type=_FILE, help="Also write a summary to this file.")
@click.option("--write", "write_path", type=_FILE, help="Make this gate file from RUN instead.")
@click.option(
    "--tolerance",
    type=FiniteFloat(0, 100),
    help="With --write: half the width of a window, in percentage points; default 2.",
)
@click.option(
    "--group-tolerance",
    type=FiniteFloat(0, 100),
    help="With --write: windows for each task too, with this tolerance.",
)
@click.option(
    "--one-sided",
    is_flag=True,
    help="With --write: windows with one edge only, so that any gain passes.",
)
@click.option("--force", is_flag=True, help="With --write: replace an existing file.")
@click.option(
    "--confidence",
    type=FiniteFloat(0.5, 0.9999),
    help="With --write: confidence of the intervals that decide; default 0.95.",
)
@click.option(
    "--sequential",
    is_flag=True,
    help="Look after each fifth of the gate's prompts and stop where the answer is known; RUN may "
    "have fewer of them so far.",
)
@signature_option
@format_option
def command(
    run: Path,
    against: Path | None,
    junit_path: Path | None,
    markdown_path: Path | None,
    write_path: Path | None,
    tolerance: float | None,
    group_tolerance: float | None,
    one_sided: bool,
    force: bool,
    confidence: float | None,
    sequential: bool,
    form: Form,
) -> int:
    """Check RUN against a gate file: exit status 0 pass, 1 outside a window, 2 cannot tell.

    A metric fails when it is worse on the images of the run that the file was made from, by more
    than chance, or when its whole interval lies outside its window. A partial run, one measured
    under other conditions, or one with too few images cannot tell. Exit status 64 is no answer: a
    wrong command, a missing file, or a run without scores.
    """
    from ..api.run import load_run

    scored = load_run(run).scored()
    if write_path is not None:
        if against or junit_path or markdown_path or sequential:
            raise UserError("--write makes a gate file and decides nothing: give it alone.")
        from ..api.output import write_gate
        from ..reports.gate.decision import checks_of, narrow_windows

        gate = write_gate(
            scored,
            write_path,
            tolerance=2.0 if tolerance is None else tolerance,
            group_tolerance=group_tolerance,
            confidence=0.95 if confidence is None else confidence,
            one_sided=one_sided,
            force=force,
        )
        for note in narrow_windows(checks_of(scored, gate)):
            say(note)
        again = shlex.join(["spatialbench", "gate", str(run), "--against", str(write_path)])
        say(f"{counted(gate.windows, 'window')} written; next: {again}")
        click.echo(write_path)
        return 0
    if against is None:
        raise UserError(
            f"nothing to check {run} against: give --against FILE, or make one with --write FILE."
        )
    if one_sided or force or not (tolerance is group_tolerance is confidence is None):
        raise UserError(
            "--tolerance, --group-tolerance, --one-sided, --confidence and --force go with "
            "--write: with --against the file decides."
        )
    _apart(against, junit_path, markdown_path)
    from ..reports.gate.decision import decide
    from ..reports.gate.file import read_gate
    from ..reports.gate.junit import junit
    from ..reports.gate.report import decision_report, markdown
    from ..runs.files import write_report

    decision = decide(scored, read_gate(against), sequential=sequential)
    if junit_path is not None:
        write_report(junit_path, junit(decision))
    if markdown_path is not None:
        write_report(markdown_path, markdown(decision).encode())
    show(decision_report(decision), form)
    return decision.answer.status


def _apart(against: Path, *reports: Path | None) -> None:
    """Refuse a report that would replace the gate file, or the other report."""
    from ..runs.files import require_not_of_a_run

    seen = {against.resolve()}
    for path in reports:
        if path is None:
            continue
        require_not_of_a_run(path)
        if path.resolve() in seen:
            raise UserError(f"{path} is named twice: give every file a name of its own.")
        seen.add(path.resolve())
