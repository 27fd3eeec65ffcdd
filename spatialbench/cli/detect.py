"""``spatialbench detect``: the second stage alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from ..errors import typed
from . import assembly
from .console import progress, say, stdout_reserved
from .options import batch_size_option, detector_options, device_option, offline_option
from .preflight import before_anything_is_made
from .working import refuse_given_up, working_of, working_options


@click.command("detect")
@click.argument("run", type=click.Path(path_type=Path))
@detector_options
@batch_size_option
@device_option
@offline_option
@working_options
def command(
    run: Path,
    detector: str | None,
    batch_size: int | None,
    device: str | None,
    offline: bool,
    **values: Any,
) -> None:
    """Find the objects in RUN's images that have not been looked at yet.

    Several detectors can stand side by side in one run.
    """
    from ..runs.machine import this_machine
    from ..runs.names import backbone_name
    from ..stages.detect import detect
    from ..stages.preflight import Wanted

    working = working_of(values)
    with stdout_reserved():
        shard = working.part()
        chosen_device = working.device(device)
        executor = working.build(chosen_device)
        opened = assembly.existing_run(run)
        found_by = assembly.detector(
            detector,
            opened.expected.benchmark,
            opened.expected.subset,
            backbone_name(opened.generator),
            chosen_device,
            offline,
            opened.expected.prompts,
        )
        before_anything_is_made(Wanted(opened.path, opened.expected, detector=found_by))
        batch = batch_size or assembly.DEFAULT_BATCH_SIZE
        opened = replace(opened, machine=this_machine(chosen_device, batch_size=batch))
        done = detect(opened, found_by, batch, executor, progress(), shard)
        for prompt_id, index in done.discarded:
            say(f"image {index} of prompt {prompt_id} cannot be read and counts as missing now")
        if done.discarded:
            say("give the 'run' or 'generate' command of this run again to make them anew")
        say(f"{done.images:,} images looked at now; next: {typed('score', run)}")
    click.echo(run)
    refuse_given_up(opened)
