"""``spatialbench lab``: draw the lab's world, train its models, measure them."""

from __future__ import annotations

import io
import json
from pathlib import Path

import click

from ..api.console import say
from .parsing import Place


@click.group("lab")
def command() -> None:
    """The embedded lab: draw its world, train its models."""


@command.command("draw")
@click.option("--rows", default=4, show_default=True, help="Rows of eight scenes.")
@click.option("--seed", default=0, show_default=True)
@click.argument("file", type=Place())
def draw(file: Path, rows: int, seed: int) -> None:
    """Write a sheet of training scenes to FILE (PNG); their captions go to stdout."""
    import numpy as np
    from PIL import Image

    from ..lab.world import SIDE, sample_scene
    from ..lab.world import draw as draw_scene
    from ..runs.files import write_report

    rng = np.random.default_rng(seed)
    scenes = [sample_scene(rng) for _ in range(8 * rows)]
    tiles = np.stack([draw_scene(scene).image for scene in scenes])
    sheet = tiles.reshape(rows, 8, SIDE, SIDE, 3).transpose(0, 2, 1, 3, 4)
    drawn = io.BytesIO()
    Image.fromarray(sheet.reshape(rows * SIDE, 8 * SIDE, 3)).save(drawn, "PNG")
    write_report(file, drawn.getvalue())
    for scene in scenes:
        click.echo(scene.caption)


@command.command("train")
@click.argument("part")
@click.option(
    "--folder",
    type=Place(file_okay=False),
    default=Path("lab-training"),
    show_default=True,
    help="Checkpoints and trained parts.",
)
@click.option("--steps", type=click.IntRange(min=1), help="Instead of the part's own number.")
@click.option("--learning-rate", type=float, help="Instead of the part's own.")
@click.option(
    "--start",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="For diffusion or transformer: a trained backbone folder to go on from.",
)
@click.option("--seed", default=0, show_default=True)
@click.option("--threads", type=click.IntRange(min=1), help="CPU threads.")
def train(
    part: str,
    folder: Path,
    steps: int | None,
    learning_rate: float | None,
    start: Path | None,
    seed: int,
    threads: int | None,
) -> None:
    """Train one PART of the lab, or "all" in order; the same command again continues.

    The parts in order: autoencoder; diffusion; decoder (of the image code, longer); detector (on
    drawn scenes); detector-on-samples (on what the diffusion model draws); transformer (a second
    diffusion model, shaped as SD3).
    """
    import torch

    from ..errors import unknown_name
    from ..lab.training.parts import PARTS, train_part

    if part not in (*PARTS, "all"):
        raise unknown_name("part of the lab", part, (*PARTS, "all"))
    if start and part not in ("diffusion", "transformer"):
        raise click.UsageError("--start goes with diffusion or transformer alone; leave it out.")

    if threads:
        torch.set_num_threads(threads)
    for name in PARTS if part == "all" else (part,):
        say(f"training the lab's {name} in {folder / name}")
        train_part(name, folder, steps, learning_rate, seed, say, start)


@command.command("export")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option(
    "--to",
    type=Place(file_okay=False),
    help="Instead of this installation's own weights.",
)
def export(folder: Path, to: Path | None) -> None:
    """Put the parts trained in FOLDER where the lab's backbones and detector are loaded from."""
    from ..lab import WEIGHTS
    from ..lab.training.parts import export_parts

    export_parts(folder, to or WEIGHTS)
    say(f"wrote {to or WEIGHTS}")


@command.command("evaluate")
@click.option("--renders", default=2000, show_default=True, help="Images for the detector.")
@click.option("--scenes", default=512, show_default=True, help="Scenes per timestep.")
def evaluate(renders: int, scenes: int) -> None:
    """Measure the shipped models: localisation of attention, and the detector on renders."""
    from ..lab.training.evaluation import evaluate_shipped

    click.echo(json.dumps(evaluate_shipped(renders, scenes), indent=2))


@command.command("probe")
@click.option("--backbone", default="lab-mmdit", show_default=True, help="Or a folder like it.")
@click.option(
    "--scenes",
    type=click.IntRange(min=8),
    default=256,
    show_default=True,
    help="Scenes per noise level.",
)
@click.option(
    "--levels", default="0.5,0.7,0.85", show_default=True, help="Noise levels, 1 is noise alone."
)
def probe(backbone: str, scenes: int, levels: str) -> None:
    """Which blocks of a transformer know where the objects are: those to read when guiding it.

    Per noise level and block, the correlation along x and y of the difference of the two objects'
    centroids in the block's maps with their true displacement.
    """
    from ..backbones.architecture import Architecture
    from ..backbones.named import resolve
    from ..backbones.pipelines import load_pipeline
    from ..errors import UserError
    from ..lab.training.localisation import block_localisation

    model = resolve(backbone)
    if model.known_architecture is not Architecture.LAB_TRANSFORMER:
        raise UserError(
            f"{backbone} is not the lab's transformer, whose blocks are measured here: give "
            "--backbone lab-mmdit, or a folder with a model of the same shape."
        )
    asked = [_level(text.strip()) for text in levels.split(",")]
    pipeline = load_pipeline(model)
    for level in asked:
        for block, (x, y) in enumerate(block_localisation(pipeline, level, scenes)):
            click.echo(f"level {level:g} block {block}: x {x:.2f} y {y:.2f}")


def _level(text: str) -> float:
    try:
        level = float(text)
    except ValueError:
        level = -1.0
    if not 0 <= level <= 1:
        raise click.UsageError(
            f"--levels {text} is not a noise level: give numbers from 0 to 1, such as 0.5,0.85."
        )
    return level


@command.command("held-out")
@click.option("--bench", default="visor", show_default=True)
@click.option("--limit", type=click.IntRange(min=1), help="The first so many of the fixed order.")
def held_out(bench: str, limit: int | None) -> None:
    """Ids of a benchmark's prompts about pairs that no training caption names, one per line."""
    from ..lab.training.evaluation import held_out_prompts
    from ..plugins import load

    for prompt in held_out_prompts(load("benchmark", bench), limit):
        click.echo(prompt.id)
