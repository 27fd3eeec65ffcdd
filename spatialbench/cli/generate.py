"""``spatialbench generate``: the first stage alone."""

from __future__ import annotations

from typing import Any

import click

from . import assembly, parsing
from .console import progress, say, stdout_reserved
from .options import run_options


@click.command("generate")
@run_options
def command(**values: Any) -> None:
    """Make the images that a run lacks, and print the run's folder.

    'spatialbench detect' and 'spatialbench score' go on from there.
    """
    from ..executors.local import LocalExecutor
    from ..stages.generate import generate

    options = assembly.options_of(values)
    with stdout_reserved():
        device = parsing.device(options.device)
        spec = options.spec(device)
        opened = options.open(spec, device)
        made = generate(opened, spec.generator, options.batch, LocalExecutor(), progress())
        say(f"{made:,} images made now; next: spatialbench detect {opened.path}")
    click.echo(opened.path)
