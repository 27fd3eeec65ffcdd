"""``spatialbench quality``: FID, KID and CMMD of a run against reference images."""

from __future__ import annotations

from pathlib import Path

import click

from ..api import choosing
from ..api.console import progress, say, stdout_reserved
from ..errors import UserError
from ..reports.report import Form
from .options import device_option, format_option, offline_option
from .parsing import Place, RunFolder
from .printing import show

_METRICS = ("FID", "KID", "CMMD")


@click.command("quality")
@click.argument("run", required=False, type=RunFolder())
@click.option(
    "--reference",
    required=True,
    type=click.Path(path_type=Path),
    help="A folder of reference images, the folder of a run, or a statistics file (.npz): one of "
    "--write-statistics, or of pytorch-fid.",
)
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    type=click.Choice(_METRICS, case_sensitive=False),
    help="Which to measure; may be repeated; default: all three.",
)
@click.option(
    "--judge", help="Also the mean similarity of image and prompt, by this judge (clip-score)."
)
@click.option("--inception", help="The published file of the Inception weights, if not fetched.")
@click.option("--clip", help="A folder of another CLIP model for CMMD; the table says so.")
@click.option(
    "--write-statistics",
    type=Place(dir_okay=False),
    help="Keep the features of the reference in this file (.npz), also without a run.",
)
@device_option
@offline_option
@format_option
def command(
    run: Path | None,
    reference: Path,
    metrics: tuple[str, ...],
    judge: str | None,
    inception: str | None,
    clip: str | None,
    write_statistics: Path | None,
    device: str | None,
    offline: bool,
    form: Form,
) -> None:
    """How far RUN's images lie from reference images: FID, KID and CMMD.

    The numbers are kept in RUN and stand in 'leaderboard --quality'. They compare with numbers of
    the same reference, count of images and resolution only.
    """
    from ..api import quality as measuring
    from ..reports.quality import quality_report
    from ..weights.devices import chosen_device

    if run is None and write_statistics is None:
        raise UserError(
            "nothing to measure: name a run, or give --write-statistics FILE to keep the features "
            "of the reference."
        )
    with stdout_reserved():
        opened = None if run is None else choosing.existing_run(run)
        where = chosen_device(device)
        wanted = metrics or _METRICS
        asked = (
            None if opened is None else measuring.similarity_judge(opened, judge, where, offline)
        )
        networks = measuring.networks_for(wanted, where, offline, inception, clip)
        known = measuring.reference_set(reference, networks, progress())
        if write_statistics is not None:
            measuring.write_statistics(known, write_statistics)
            say(f"statistics of {known.name}: {write_statistics}")
        if opened is None:
            return
        found = measuring.measure(opened, known, networks, wanted, progress(), asked)
    show(quality_report(found), form)
