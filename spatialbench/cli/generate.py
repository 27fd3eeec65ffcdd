"""``spatialbench generate``: the first stage alone."""

from __future__ import annotations

from typing import Any

import click

from ..api.console import progress, say, stdout_reserved
from ..errors import typed
from ..files.shown_text import counted
from . import assembly
from .consent import ask_before_long_work, yes_option
from .making import run_options
from .working import refuse_given_up, say_shard_done, working_of, working_options


@click.command("generate")
@run_options
@working_options
@yes_option
def command(yes: bool, **values: Any) -> None:
    """Make the images that a run lacks, and print the run's folder.

    'spatialbench detect' and 'spatialbench score' go on from there.
    """
    working = working_of(values)
    say("loading the libraries")
    with stdout_reserved():
        shard = working.part()
        device = working.device(values["device"])
        executor = working.build(device)
        asked = assembly.evaluation(
            values, device=device, executor=executor, progress=progress(), shard=shard
        )
        if not yes:
            ask_before_long_work([asked], working.workers or 1, assembly.command_line())
        opened, made = asked.generate()
        if shard.whole:
            say(f"{counted(made, 'image')} made now; next: {typed('detect', opened.path)}")
        else:
            say_shard_done(shard, opened)
    click.echo(opened.path)
    refuse_given_up(opened)
