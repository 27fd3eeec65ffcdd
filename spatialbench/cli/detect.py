"""``spatialbench detect``: the second stage alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..api import choosing
from ..api.console import progress, say, stdout_reserved
from ..api.looking import look
from ..errors import typed
from .options import batch_size_option, detector_options, device_option, offline_option
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
    working = working_of(values)
    with stdout_reserved():
        shard = working.part()
        chosen = working.device(device)
        executor = working.build(chosen)
        opened = choosing.existing_run(run)
        done, _ = look(
            opened,
            detector,
            device=chosen,
            progress=progress(),
            offline=offline,
            batch_size=batch_size,
            executor=executor,
            shard=shard,
        )
        for prompt_id, index in done.discarded:
            say(f"image {index} of prompt {prompt_id} cannot be read and counts as missing now")
        if done.discarded:
            say("give the 'run' or 'generate' command of this run again to make them anew")
        say(f"{done.images:,} images looked at now; next: {typed('score', run)}")
    click.echo(run)
    refuse_given_up(opened)
