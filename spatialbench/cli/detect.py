"""``spatialbench detect``: the second stage alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..api import choosing
from ..api.console import progress, say, stdout_reserved
from ..api.looking import ask, look
from ..errors import UserError, typed
from ..files.shown_text import counted
from .options import batch_size_option, detector_options, device_option, offline_option
from .parsing import RunFolder
from .working import refuse_given_up, working_of, working_options


@click.command("detect")
@click.argument("run", type=RunFolder())
@detector_options
@click.option("--rule", help="With --judge: the rule whose questions are asked; see 'run'.")
@batch_size_option
@device_option
@offline_option
@working_options
def command(
    run: Path,
    detector: str | None,
    judge: str | tuple[str, ...] | None,
    rule: str | None,
    batch_size: int | None,
    device: str | None,
    offline: bool,
    known_names_only: bool,
    synonyms: bool,
    **values: Any,
) -> None:
    """Find the objects in RUN's images that have not been looked at yet.

    With --judge: ask the judge the rule's questions about them. Several detectors and judges can
    stand side by side in one run.
    """
    if detector is not None and judge is not None:
        raise UserError("--detector and --judge do not go together: give one, then the other.")
    if rule is not None and judge is None:
        raise UserError("--rule says what a judge is asked: add --judge NAME, or leave it out.")
    if judge is not None and (known_names_only or synonyms):
        raise UserError("--known-names-only and --synonyms are for a detector: leave them out.")
    working = working_of(values)
    say("loading the libraries")
    with stdout_reserved():
        shard = working.part()
        chosen = working.device(device)
        executor = working.build(chosen)
        opened = choosing.existing_run(run)
        how: dict[str, Any] = {
            "device": chosen,
            "progress": progress(),
            "offline": offline,
            "batch_size": batch_size,
            "executor": executor,
            "shard": shard,
        }
        if judge is not None:
            expected = opened.expected
            asking = choosing.rule(expected.benchmark, rule, expected.subset)
            done, _ = ask(opened, judge, asking, **how)
        else:
            how |= {"known_names_only": known_names_only, "synonyms": synonyms}
            done, _ = look(opened, detector, **how)
        flags = ["--known-names-only"] if known_names_only else []
        for prompt_id, index in done.discarded:
            say(f"image {index} of prompt {prompt_id} cannot be read and counts as missing now")
        if done.discarded:
            say("give the 'run' or 'generate' command of this run again to make these images")
        say(f"{counted(done.images, 'image')} looked at now; next: {typed('score', run, *flags)}")
    click.echo(run)
    refuse_given_up(opened)
