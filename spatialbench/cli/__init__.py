"""The command line: one module per verb, imported only when that verb is used."""

from __future__ import annotations

import atexit
import errno
import gc
import importlib
import logging
import os
import re
import shlex
import signal
import sys
import traceback
from collections.abc import Sequence
from functools import partial

import click

from .. import __version__
from ..errors import UserError, unknown_name
from ..executors.stopping import EXIT_STATUS, Stopped, on_sigterm
from ..files.shown_text import printable
from .streams import NobodyReads, safe_stdout

_VERBS = {
    "run": ("run", "Make the images, find the objects, apply the rule, print the table."),
    "reproduce": ("reproduce", "A table of a paper made again, beside what the paper prints."),
    "generate": ("generate", "Only make the images of a run."),
    "detect": ("detect", "Only find the objects in a run's images."),
    "score": ("score", "Apply the rule to stored detections, of a run or of a file."),
    "depth": ("depth", "Depth maps of a run's images, for rules about front and behind."),
    "leaderboard": ("leaderboard", "Runs beside each other and beside published rows."),
    "compare": ("compare", "Runs image by image: is the difference more than chance?"),
    "agree": ("agreeing", "Two detectors, or a detector and a judge: do they say the same?"),
    "quality": ("quality", "What accuracy costs: FID, KID, CMMD against reference images."),
    "power": ("power", "How many prompts a question needs; what a run can show."),
    "guidance": ("guidance", "The loss of guidance by layer and step, as --record kept it."),
    "gate": ("gate", "Hold a run to a committed file: exit status 0, 1, 2 or 64, for CI."),
    "gallery": ("gallery", "Look at a run, or two side by side: images, boxes, charts."),
    "site": ("site", "Pages of any number of runs: tables, plots, galleries, comparisons."),
    "import": ("importing", "Other people's images, detections or results as a run."),
    "export": (
        "exporting",
        "A run where other tools look for it: their layouts, a data set, a record.",
    ),
    "push": ("pushing", "Upload a run as a data set of the Hugging Face Hub."),
    "log": ("logging_runs", "Runs in a tracker of experiments: wandb, mlflow or trackio."),
    "detectors": ("detectors", "'detectors agree', an older name of 'agree'."),
    "serve": ("serve", "Rewards for trainers over HTTP: Flow-GRPO, Flow-Factory, verl-omni, JSON."),
    "pack": ("pack", "The images of a run in few large files, for disks that count files."),
    "unpack": ("unpack", "The images of a packed run in files of their own again."),
    "status": ("status", "What a run has, what it lacks, and what to type next."),
    "runs": ("runs", "Which runs there are; remove, move, name and compare them."),
    "list": ("listing", "Methods, detectors, benchmarks, backbones and rules."),
    "prompts": ("prompts", "A benchmark's prompts, also in its own file format."),
    "tag": ("tag", "The noun phrases in a file of prompts, for rules that ask about them."),
    "fetch": ("fetch", "Download pinned weights or prompt files into the cache."),
    "doctor": ("doctor", "Check this installation: versions, weights, detectors."),
    "extract": ("extract", "Training images with captions from a folder of photographs."),
    "esplora": ("esplora", "Training images whose relations were checked, and a LoRA from them."),
    "lab": ("lab", "The embedded lab: draw its world, train its models."),
}
"""Verb: (module of this package that holds it as ``command``, its line in the help)."""

_NO_ANSWER = {"gate": (64, 70)}
"""By verb whose exit statuses 1 and 2 are answers: those of an error and of a bug (sysexits.h)."""

_KEEPS_ALL = frozenset({"compare", "score", "status"})
"""Verbs whose many small objects, prompts and records, all stay until they end in seconds: the
collector would look through them again and again, and find nothing to collect."""

_CLOSED_PIPE = 128 + signal.SIGPIPE
"""What a shell says of a program that ends at the closed pipe, which needs no sentence."""

_log = logging.getLogger("spatialbench")


class _Verbs(click.Group):
    """Lists the verbs without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        if cmd_name not in _VERBS:
            raise unknown_name("command", cmd_name, _VERBS)
        module = importlib.import_module(f"{__name__}.{_VERBS[cmd_name][0]}")
        from .completing import with_completion

        return with_completion(module.command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(verb, line) for verb, (_, line) in _VERBS.items()])


@click.command(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="spatialbench")
@click.pass_context
def root(context: click.Context) -> None:
    """How well does a text-to-image method put things where the prompt says?

    Start with: spatialbench run --method sd --bench visor --limit 25
    """
    if not _log.handlers:
        from ..api.console import SaidLog

        said = SaidLog()
        context.call_on_close(partial(_log.removeHandler, said))
        context.call_on_close(partial(_log.setLevel, _log.level))
        _log.addHandler(said)
        _log.setLevel(logging.INFO)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status.

    0 is success, 2 anything the user can put right (one sentence on stderr, no traceback), 130 an
    interruption, 141 a pipe that nobody reads any more, 143 SIGTERM. Other exceptions are bugs and
    keep their traceback. A verb that answers by its exit status has others for errors and bugs; see
    ``_NO_ANSWER``.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    failed = partial(_failed, arguments)
    error_status, bug_status = _NO_ANSWER.get(next(iter(arguments), ""), (2, None))
    if strange := next((word for word in arguments if "\0" in word), None):
        return failed(f"{strange!r} holds a NUL character: leave it out.", error_status)
    try:
        if argv is None and _KEEPS_ALL & {*arguments[:1]}:
            # This process ends with the verb, and Python would look through everything once more.
            gc.disable()
            atexit.register(gc.freeze)
        with on_sigterm(), safe_stdout():
            status = root.main(
                arguments, "spatialbench", standalone_mode=False, obj=list(arguments)
            )
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return 2
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else "spatialbench"
        return failed(f"{error.format_message()} Try '{where} --help'.", error_status)
    except click.ClickException as error:
        return failed(error.format_message(), error_status)
    except NobodyReads:
        return _CLOSED_PIPE
    except UserError as error:
        return failed(str(error), error_status)
    except (KeyboardInterrupt, click.Abort):
        print("interrupted; the same command continues where this one stopped.", file=sys.stderr)
        return 130
    except Stopped:
        again = printable(shlex.join(["spatialbench", *arguments]))
        print(f"stopped (SIGTERM); what is finished is kept. To continue: {again}", file=sys.stderr)
        return EXIT_STATUS
    except Exception as error:
        if isinstance(error, OSError) and error.filename and error.errno in _OF_THE_PATH:
            return failed(_about_a_path(error), error_status)
        if isinstance(error, RuntimeError) and str(error).startswith("Symlink loop"):
            return failed(f"{error}: give another path.", error_status)
        for note in dict.fromkeys(getattr(error, "__notes__", ())):
            print(f"error: {printable(str(note))}", file=sys.stderr)
        if bug_status is None:
            raise
        traceback.print_exc()
        return bug_status
    return status if isinstance(status, int) else 0


_OF_THE_PATH = {
    errno.EACCES,
    errno.EPERM,
    errno.ENAMETOOLONG,
    errno.ELOOP,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EROFS,
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EIO,
    errno.ESTALE,
    errno.ENXIO,
}
"""Errors of a path that the user gave, and not of this software."""


def _about_a_path(error: OSError) -> str:
    return (
        f"{os.fsdecode(error.filename)}: {error.strerror}. Check that path and its permissions, or "
        "give another, then give the command again."
    )


_SAYS_NEXT = re.compile(r"spatialbench |--[a-z]|command (again|that|of)|same command")
"""What is in a message that names something to type."""


def _failed(arguments: Sequence[str], message: str, status: int) -> int:
    """Print an error, with the command's help where it names nothing to type."""
    if not _SAYS_NEXT.search(message):
        verb = next((word for word in arguments[:1] if word in _VERBS), "")
        message += f" '{' '.join(['spatialbench', *filter(None, [verb]), '--help'])}' says more."
    from ..api.console import say

    say(f"error: {message}")
    return status
