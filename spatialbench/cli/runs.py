"""``spatialbench runs``: which runs there are, and removing, moving, naming and comparing them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..api.console import say, say_next
from ..errors import UserError, typed, unknown_name
from ..reports.report import FOR_PEOPLE, Form, Report
from ..reports.tables import Table, Tone
from .consent import require_consent
from .options import format_option
from .parsing import Place, RunFolder, Utf8
from .printing import show

if TYPE_CHECKING:
    from ..api.inventory import Listed

_KEYS: dict[str, Callable[[Listed], Any]] = {
    "changed": lambda one: -one.changed,
    "name": lambda one: (one.name is None, (one.name or "").casefold()),
    "id": lambda one: one.id or "",
    "bench": lambda one: one.benchmark or "",
    "method": lambda one: one.method or "",
    "backbone": lambda one: one.backbone or "",
    "images": lambda one: -(one.images or 0),
    "size": lambda one: -(one.bytes or 0),
    "state": lambda one: one.state,
    "folder": lambda one: str(one.path),
}
"""What a list can be sorted by; the newest, the largest and the fullest stand first."""


class _ListByDefault(click.Group):
    """A group whose command ``list`` is meant where no command is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] not in ("-h", "--help")):
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group("runs", cls=_ListByDefault, context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Which runs there are; and removing, moving, naming and comparing them.

    Without a command it lists them: 'spatialbench runs' is 'spatialbench runs list'. RUN is a
    folder, or a run's id, its name, or how one of these begins.

    Runs made without --out lie in $SPATIALBENCH_RUNS where that is set; else in ./runs; else, where
    that is not there, in the nearest folder 'runs' above that holds some.
    """


def _filter(name: str, help: str) -> Callable[[Any], Any]:
    return click.option(f"--{name}", multiple=True, metavar="PATTERN", help=help)


@command.command("list")
@click.argument("places", nargs=-1, type=RunFolder(), metavar="[RUN|FOLDER]...")
@_filter("bench", "Only runs of this benchmark; PATTERN is as for names of files.")
@_filter("method", "Only runs of this method.")
@_filter("backbone", "Only runs of this backbone.")
@_filter("name", "Only runs of this name.")
@click.option("--state", multiple=True, metavar="STATE", help="Only runs in this state.")
@click.option(
    "--sort",
    type=click.Choice(list(_KEYS)),
    default="changed",
    show_default=True,
    help="The newest, largest or fullest first; others by the alphabet.",
)
@click.option("--reverse", is_flag=True, help="The other way round.")
@click.option("--no-sizes", is_flag=True, help="Do not measure what each takes on disk.")
@format_option
def list_command(
    places: Sequence[Path],
    state: Sequence[str],
    sort: str,
    reverse: bool,
    no_sizes: bool,
    form: Form,
    **patterns: Sequence[str],
) -> None:
    """The runs that there are, or those at or below some folders.

    States: done; partial (scored, and images are missing); not scored (all images are there);
    unfinished (images are still to be made); running (a process writes it now); unreadable.
    """
    from ..api.inventory import STATES, listed
    from ..runs.finding import runs_below, runs_root

    for name in state:
        if name not in STATES:
            raise unknown_name("state", name, STATES)
    if no_sizes and sort == "size":
        raise UserError("--sort size needs the sizes: leave out --no-sizes.")
    roots = list(places) or [runs_root()]
    for root in places:
        if not root.is_dir():
            raise UserError(f"there is no folder {root}: give that of a run, or one above some.")
    there = listed([path for root in roots if root.is_dir() for path in runs_below(root)])
    shown = [one for one in there if _fits(one, patterns) and (not state or one.state in state)]
    shown.sort(key=lambda one: str(one.path))
    shown.sort(key=_KEYS[sort], reverse=reverse)
    report = _report(shown, not no_sizes)
    if shown or form not in FOR_PEOPLE:
        show(report, form)
    if not shown:
        _say_none(roots, len(there))
        return
    for one in shown:
        if one.why is not None:
            say(f"unreadable: {one.why}")


def _say_none(roots: Sequence[Path], there: int) -> None:
    places = " and ".join(map(str, roots))
    if there:
        say(f"none of the {there:,} runs in {places} fits; '{typed('runs')}' lists them all.")
    else:
        say(f"there are no runs in {places}; '{typed('run', '--help')}' says how to make one.")


def _fits(run: Listed, patterns: dict[str, Sequence[str]]) -> bool:
    said = {
        "bench": run.benchmark,
        "method": run.method,
        "backbone": run.backbone,
        "name": run.name,
    }
    return all(
        any(_is(pattern, said[key] or "") for pattern in given)
        for key, given in patterns.items()
        if given
    )


def _is(pattern: str, text: str) -> bool:
    """A pattern of the whole text; of a benchmark also without its prompt subset."""
    pattern, text = pattern.casefold(), text.casefold()
    return any(fnmatchcase(one, pattern) for one in (text, text.partition(":")[0]))


def _report(runs: Sequence[Listed], sized: bool) -> Report:
    from ..api.inventory import FIELDS
    from ..stages.estimate import size

    columns = ["id", "name", "method", "backbone", "bench", "images", "state", "size"]
    columns += ["changed (UTC)", "folder"]
    rows = [
        [
            run.id or run.path.name,
            run.name or "",
            run.method or "",
            run.backbone or "",
            run.benchmark or "",
            _counted(run),
            run.state,
            size(run.bytes).removeprefix("about ") if sized else "",
            run.changed_at[:16].replace("T", " "),
            str(run.path),
        ]
        for run in runs
    ]
    documents = [run.document(sized) for run in runs]
    records = [list(one.values()) for one in documents]
    table = Table(columns, rows, spare=[9, 8, 3, 7, 4, 2, 5, 1], tones=_TONES)
    return Report([table], {"runs": documents}, (FIELDS, records))


_TONES: dict[str, Tone] = {
    "done": "good",
    "running": "odd",
    "partial": "odd",
    "unfinished": "odd",
    "unreadable": "bad",
}


def _counted(run: Listed) -> str:
    return "" if run.expected is None else f"{run.images or 0:,}/{run.expected:,}"


@command.command("rm")
@click.argument("runs", nargs=-1, required=True, type=RunFolder(), metavar="RUN...")
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove_command(runs: Sequence[Path], yes: bool) -> None:
    """Remove runs with their images, detections and results; asks first."""
    from ..api.inventory import listed
    from ..runs.moving import remove_run, require_run
    from ..stages.estimate import size

    places = list({require_run(run).resolve(): run for run in runs}.values())
    for one in listed(places):
        called = "" if one.name is None else f" ({one.name})"
        say(f"{one.path}{called}: {one.state}, {_counted(one)} images, {size(one.bytes)}")
    if not yes:
        what = "this run" if len(places) == 1 else f"these {len(places)} runs"
        require_consent(f"Remove {what}?", typed("runs", "rm", "--yes", *places))
    for place in places:
        remove_run(place)
        say(f"removed {place}")
    say_next(typed("runs"))


@command.command("mv")
@click.argument("run", type=RunFolder())
@click.argument("to", type=Place(file_okay=False), metavar="TO")
def move_command(run: Path, to: Path) -> None:
    """Move RUN to the folder TO, or into it where it is there; prints the new place.

    What holds the run by its id or name, and compare, leaderboard and gallery, take it there too.
    """
    from ..runs.moving import move_run

    place = move_run(run, to)
    click.echo(str(place))
    say_next(typed("status", place))


@command.command("name")
@click.argument("run", type=RunFolder())
@click.argument("name", required=False, type=Utf8())
@click.option("--none", is_flag=True, help="Take the name away.")
def name_command(run: Path, name: str | None, none: bool) -> None:
    """What RUN is called in tables; changes no number and no identity."""
    from ..runs.finding import known_runs, run_at, runs_root
    from ..runs.moving import name_run

    if none is (name is not None):
        raise UserError("give either a name, or --none to take the name away.")
    place = run_at(run)
    there = known_runs(runs_root()) if name else []
    others = [one for one in there if one.path.resolve() != place.resolve()]
    for one in others:
        if one.manifest.id == name:
            raise UserError(
                f"{name} is the id of the run in {one.path}, which would be taken for this one: "
                "give another name."
            )
    name_run(place, name)
    say(f"{place} is called {name!r} now" if name else f"{place} has no name any more")
    alike = sum(one.manifest.name == name for one in others)
    if alike:
        say(f"{alike + 1} runs have this name: their ids tell them apart.")


@command.command("diff")
@click.argument("a", type=RunFolder())
@click.argument("b", type=RunFolder())
@format_option
def diff_command(a: Path, b: Path, form: Form) -> None:
    """What differs between two runs: how they were made, what they hold, and their verdicts."""
    from ..api import choosing
    from ..reports.run_difference import difference_report

    one, other = choosing.existing_run(a), choosing.existing_run(b)
    show(difference_report(one, other), form)
