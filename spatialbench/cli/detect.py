"""``spatialbench detect``: the second stage alone."""

from __future__ import annotations

from pathlib import Path

import click

from . import assembly, parsing
from .console import progress, say, stdout_reserved
from .options import batch_size_option, detector_options, device_option, offline_option


@click.command("detect")
@click.argument("run", type=click.Path(path_type=Path))
@detector_options
@batch_size_option
@device_option
@offline_option
def command(
    run: Path, detector: str | None, batch_size: int | None, device: str | None, offline: bool
) -> None:
    """Find the objects in RUN's images that have not been looked at yet.

    Several detectors can stand side by side in one run.
    """
    from ..executors.local import LocalExecutor
    from ..runs.names import backbone_name
    from ..stages.detect import detect

    with stdout_reserved():
        opened = assembly.existing_run(run)
        found_by = assembly.detector(
            detector,
            opened.expected.benchmark,
            opened.expected.subset,
            backbone_name(opened.generator),
            parsing.device(device),
            offline,
        )
        batch = batch_size or assembly.DEFAULT_BATCH_SIZE
        done = detect(opened, found_by, batch, LocalExecutor(), progress())
        for prompt_id, index in done.discarded:
            say(f"image {index} of prompt {prompt_id} cannot be read and counts as missing now")
        if done.discarded:
            say("give the 'run' or 'generate' command of this run again to make them anew")
        say(f"{done.images:,} images looked at now; next: spatialbench score {run}")
    click.echo(run)
