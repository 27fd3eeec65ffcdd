"""``spatialbench unpack``: the images of a packed run in files of their own again."""

from __future__ import annotations

from pathlib import Path

import click

from ..api import choosing
from ..api.console import progress, say, stdout_reserved
from ..files.shown_text import counted
from .parsing import RunFolder


@click.command("unpack")
@click.argument("run", type=RunFolder())
def command(run: Path) -> None:
    """Move the images of RUN out of its packs, into one file each.

    No image, record, number or identity changes. A pack is removed when all its images are on the
    disk and were read back; after a kill the same command goes on.
    """
    from ..runs.packing import unpack

    opened = choosing.existing_run(run)
    with stdout_reserved():
        moved = unpack(opened, progress())
        say(f"{counted(moved, 'image')} moved into files of their own")
    click.echo(opened.path)
