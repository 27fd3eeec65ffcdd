"""``spatialbench depth``: depth maps of a run's images, for rules about in front of and behind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from ..api import choosing
from ..api.console import progress, say, stdout_reserved
from ..errors import typed
from ..files.shown_text import counted
from ..weights.devices import chosen_device
from .options import device_option, offline_option
from .parsing import RunFolder


@click.command("depth")
@click.argument("run", type=RunFolder())
@click.option(
    "--model",
    "named",
    default="depth-anything",
    show_default=True,
    help="depth-anything, dpt-hybrid, or ground-plane for images of the lab.",
)
@click.option(
    "--weights",
    help="A folder of such a model, or org/name@revision; default: the model's own, Depth Anything "
    "V2 Small or the official file of DPT-hybrid.",
)
@click.option(
    "--masks",
    metavar="WEIGHTS",
    help="Also make a mask of every detected box with a SAM model: a folder or org/name@revision. "
    "Rules then tell objects apart whose boxes overlap.",
)
@click.option("--detector", help="With --masks and several detectors: whose boxes.")
@device_option
@offline_option
def command(
    run: Path,
    named: str,
    weights: str | None,
    masks: str | None,
    detector: str | None,
    device: str | None,
    offline: bool,
) -> None:
    """Estimate the depth of RUN's images whose prompts ask for in front of or behind.

    Then: spatialbench score RUN --rule esplora-r1
    """
    from ..runs.machine import this_machine
    from ..stages.box_masks import mask_model
    from ..stages.depth import make_depth
    from ..stages.depth_model import named_model

    with stdout_reserved():
        where = chosen_device(device)
        opened = replace(choosing.existing_run(run), machine=this_machine(where))
        model = named_model(f"{named}:{weights}" if weights else named, where, offline)
        segmenter = None if masks is None else mask_model(masks, where, offline)
        made = make_depth(opened, model, progress(), segmenter, detector)
        scored = typed("score", run, "--rule", "esplora-r1")
        unfinished = opened.expected.benchmark.unfinished(opened.path)
        begun = opened.manifest.again or "the command that began the run"
        again = begun if unfinished else scored
        say(f"{counted(made, 'depth map')} made now; next: {again}")
    click.echo(run)
