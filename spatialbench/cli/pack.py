"""``spatialbench pack``: the images of a run in few large files."""

from __future__ import annotations

from pathlib import Path

import click

from ..api import choosing
from ..api.console import progress, say, stdout_reserved
from ..errors import typed
from ..files.shown_text import counted
from .parsing import RunFolder


@click.command("pack")
@click.argument("run", type=RunFolder())
def command(run: Path) -> None:
    """Move the image files of RUN into a few tar files, which every verb reads as it reads files.

    No image, record, number or identity changes. A file is removed when its image is on the disk in
    a pack and was read back; after a kill the same command goes on. With 'run --pack' images go
    there when they are made.
    """
    from ..runs.packing import pack
    from ..runs.packs import packs_of

    opened = choosing.existing_run(run)
    with stdout_reserved():
        moved = pack(opened, progress())
        packs = len(packs_of(opened.path).refresh())
        say(
            f"{counted(moved, 'image')} moved; the run has {counted(packs, 'pack')} "
            f"('{typed('unpack', opened.path)}' moves the images back)"
        )
        if moved and _links_to_files(opened.path / "gallery"):
            again = typed("gallery", opened.path)
            say(f"its gallery shows files that are gone now: type '{again}' again")
    click.echo(opened.path)


def _links_to_files(gallery: Path) -> bool:
    """Whether the pages of a run's own gallery show its files, and not small copies."""
    return any(b"../images/" in data.read_bytes() for data in gallery.glob("data/*.js"))
