"""``spatialbench generate``: the first stage alone."""

from __future__ import annotations

from typing import Any

import click

from ..errors import typed
from . import assembly
from .console import progress, say, stdout_reserved
from .options import run_options
from .preflight import before_anything_is_made
from .working import refuse_given_up, say_shard_done, working_of, working_options


@click.command("generate")
@run_options
@working_options
def command(**values: Any) -> None:
    """Make the images that a run lacks, and print the run's folder.

    'spatialbench detect' and 'spatialbench score' go on from there.
    """
    from ..stages.generate import generate

    options = assembly.options_of(values)
    working = working_of(values)
    with stdout_reserved():
        shard = working.part()
        device = working.device(options.device)
        executor = working.build(device)
        spec = options.spec(device)
        before_anything_is_made(options.wanted(spec, spec.expect(options.selection())))
        with options.opened(spec, device, shared=not shard.whole) as opened:
            made = generate(opened, spec.generator, options.batch, executor, progress(), shard)
        if shard.whole:
            say(f"{made:,} images made now; next: {typed('detect', opened.path)}")
        else:
            say_shard_done(shard, opened)
    click.echo(opened.path)
    refuse_given_up(opened)
