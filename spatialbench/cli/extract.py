"""``spatialbench extract``: training images with captions from a folder of photographs."""

from __future__ import annotations

from pathlib import Path

import click

from ..api.console import progress, say, stdout_reserved
from ..errors import typed
from ..files.shown_text import counted
from ..plugins.parameters import assignments
from ..reports.report import Form, Report
from ..weights.devices import chosen_device
from .options import device_option, format_option, offline_option
from .parsing import FiniteFloat, Place
from .printing import show

_THRESHOLD = 0.3


@click.command("extract")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=Place(file_okay=False),
    required=True,
    help="Where the set goes; the same command again continues it.",
)
@click.option("--objects", help="Names to look for, comma-separated; default: the 80 of COCO.")
@click.option(
    "--detector",
    help="NAME, or NAME:WEIGHTS with a folder or org/name@revision; default: that of training sets "
    "of generated images.",
)
@click.option(
    "--threshold",
    type=FiniteFloat(0, 1),
    default=_THRESHOLD,
    show_default=True,
    help="Boxes count whose score is above this.",
)
@click.option(
    "--depth",
    metavar="NAME|NAME:WEIGHTS",
    help="Also name in front of and behind, by this depth model: depth-anything, dpt-hybrid, or "
    "ground-plane for images of the lab.",
)
@click.option(
    "--filter",
    "filters",
    multiple=True,
    metavar="KEY=VALUE",
    help="Of SCOP's side=32, share=0.2, distance=2, overlap=0.3, ratio=0.5 another value; give "
    "--filter again for another one.",
)
@click.option(
    "--tau", type=FiniteFloat(0), default=3.0, show_default=True, help="Strictness, above 0."
)
@click.option(
    "--margin",
    type=FiniteFloat(0, 1),
    default=0.05,
    show_default=True,
    help="How much nearer, as a share of the depth range.",
)
@click.option("--width", type=click.IntRange(min=8), default=512, show_default=True)
@click.option("--height", type=click.IntRange(min=8), default=512, show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@device_option
@offline_option
@format_option
def command(
    folder: Path,
    out: Path,
    objects: str | None,
    detector: str | None,
    threshold: float,
    depth: str | None,
    filters: tuple[str, ...],
    tau: float,
    margin: float,
    width: int,
    height: int,
    seed: int,
    device: str | None,
    offline: bool,
    form: Form,
) -> None:
    """Name the relations of objects in FOLDER's photographs, and write a training set of them.

    Then: spatialbench esplora train SET
    """
    from ..api.choosing import configured_model
    from ..lora_training.benchmark import PLUGIN
    from ..lora_training.extract import Extraction, extract
    from ..lora_training.photograph_pairs import PairFilter
    from ..lora_training.photographs import Photographs
    from ..prompts import COCO_NAMES
    from ..scoring.rules.constraints import Constraint
    from ..stages.depth_model import named_model

    with stdout_reserved():
        where = chosen_device(device)
        names = [one.strip() for one in (objects or "").split(",") if one.strip()]
        source = Photographs(
            folder,
            out,
            (width, height),
            tuple(dict.fromkeys(names or COCO_NAMES)),
            configured_model("detector", detector or PLUGIN.detector, where, offline),
            None if depth is None else named_model(depth, where, offline),
            progress(),
        )
        wanted = PairFilter.of(assignments(filters, dict.fromkeys(PairFilter.names())))
        asked = Extraction(source, threshold, wanted, Constraint("r1", tau, margin), seed)
        made, table = extract(asked)
        say(f"{counted(len(made.images), 'captioned image')} in {out}")
        say(f"next: {typed('esplora', 'train', out, '--backbone', 'NAME')}")
    show(Report([table], made.description), form)
