"""``spatialbench esplora``: training data whose relations were checked, and a LoRA from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..api.batches import DEFAULT_BATCH_SIZE
from ..api.console import progress, say, stdout_reserved
from ..plugins import GenerationSettings
from ..reports.report import Form, Report
from ..weights.devices import chosen_device
from . import asked_set, assembly
from .making import set_option
from .options import batch_size_option, device_option, format_option, offline_option, stack
from .parsing import FiniteFloat, Place
from .printing import show

_BACKBONE = click.option(
    "--backbone",
    default="lab",
    show_default=True,
    help="The model: a name of 'list backbones', a diffusers folder, or org/name@revision.",
)
_DTYPE = click.option(
    "--dtype",
    type=click.Choice(["float32", "float16", "bfloat16"]),
    default="float32",
    show_default=True,
    help="Number format of the models.",
)


@click.group("esplora")
def command() -> None:
    """Train a LoRA on images whose every relation was checked.

    A reconstruction of ESPLoRA's pipeline, whose code and data are not public.
    """


_data_options = stack(
    click.option(
        "--folder",
        type=Place(file_okay=False),
        required=True,
        help="Where the set goes; the same command again continues it.",
    ),
    click.option(
        "--prompts",
        "prompts_file",
        type=click.Path(path_type=Path, dir_okay=False),
        help="JSONL with text and relations; default: prompts drawn from object names.",
    ),
    click.option(
        "--count",
        type=click.IntRange(min=1),
        default=2000,
        show_default=True,
        help="How many prompts to draw.",
    ),
    click.option("--objects", help="Names to draw from, comma-separated; default: the lab's 106."),
    click.option(
        "--relations",
        help="Relations to draw, comma-separated: left, right, above, below, in_front, behind; or "
        "all; default: the first four, which need no depth.",
    ),
    click.option(
        "--complex",
        "complex_share",
        type=FiniteFloat(0, 1),
        default=0.0,
        show_default=True,
        help="Share of drawn prompts with two relations.",
    ),
    click.option("--images-per-prompt", type=click.IntRange(min=1), default=1, show_default=True),
    click.option("--seed", type=int, default=0, show_default=True, help="Of prompts and images."),
    click.option(
        "--method", default="sd", show_default=True, help="The method that makes the images."
    ),
    set_option,
    _BACKBONE,
    click.option("--steps", type=click.IntRange(min=1), help="Default: the backbone's own."),
    click.option("--guidance-scale", type=FiniteFloat(0), help="Default: the backbone's own."),
    click.option("--scheduler", help="Default: the backbone's own."),
    click.option("--width", type=click.IntRange(min=1), help="Pixels; default: the backbone's."),
    click.option("--height", type=click.IntRange(min=1), help="Pixels; default: the backbone's."),
    click.option(
        "--detector",
        help="NAME, or NAME:WEIGHTS; default: lab-owlvit for the backbone lab, else owlvit.",
    ),
    click.option(
        "--rule",
        default="esplora-r1",
        show_default=True,
        help="The check: esplora-r1 or esplora-r2, with options as in esplora-r1:tau=3.",
    ),
    click.option(
        "--depth",
        metavar="NAME|NAME:WEIGHTS",
        help="What tells in front of and behind: depth-anything, dpt-hybrid or ground-plane; "
        "default: ground-plane for the backbone lab, else depth-anything.",
    ),
    click.option(
        "--threshold", type=FiniteFloat(0, 1), help="Boxes count whose score is above this."
    ),
    batch_size_option,
    device_option,
    _DTYPE,
    offline_option,
)


@command.command("build-data")
@_data_options
@format_option
def build_data(form: Form, **values: Any) -> None:
    """Generate images, find the objects, keep those whose every relation holds.

    Where a prompt asks for in front of or behind, depth maps of its images are made, too.

    The table says what was rejected and why. Pairs of objects that evaluations keep for themselves
    are never drawn.
    """
    from ..executors.local import LocalExecutor
    from ..lora_training.build import Build, build
    from ..runs.machine import this_machine

    with stdout_reserved():
        device = chosen_device(values["device"])
        values["backbone"] = asked_set.at_a_commit(values["backbone"], values["offline"])
        prompts = asked_set.prompts(values)
        check = asked_set.check(values, prompts)
        plan = Build(
            values["folder"],
            prompts,
            asked_set.generator(values, device),
            asked_set.detector(values, device),
            check,
            values["seed"],
            values["batch_size"] or DEFAULT_BATCH_SIZE,
            asked_set.depth(values, prompts, check, device),
        )
        machine = this_machine(device, values["dtype"], plan.batch_size)
        made, rejections = build(
            plan, LocalExecutor(say), machine, assembly.command_line(), progress()
        )
        say(f"{len(made.images):,} of {rejections.images:,} images kept in {plan.folder}")
        told = rejections.told_of_depth()
        if told is not None:
            say(told)
        say(f"next: spatialbench esplora train {plan.folder} --backbone {values['backbone']}")
    show(Report([rejections.table()], made.description), form)


@command.command("train")
@click.argument("data", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--folder",
    type=Place(file_okay=False),
    help="Checkpoint and LoRA; default: lora/ in DATA.",
)
@_BACKBONE
@click.option("--rank", type=int, default=128, show_default=True, help="Of the LoRA.")
@click.option("--alpha", type=FiniteFloat(0), help="Default: the rank.")
@click.option(
    "--targets",
    default="attention",
    show_default=True,
    help="Adapted layers: attention, attention+ff or all.",
)
@click.option("--text-encoder", is_flag=True, help="Adapt the text encoders too.")
@click.option("--steps", type=int, default=2000, show_default=True, help="Of training.")
@click.option("--batch-size", type=int, default=16, show_default=True, help="Images per step.")
@click.option("--learning-rate", type=float, default=1e-4, show_default=True)
@click.option(
    "--pure-noise",
    type=float,
    default=0.15,
    show_default=True,
    help="Share of samples shown pure noise; without any, layout is not learned from captions.",
)
@click.option(
    "--no-caption",
    type=float,
    default=0.1,
    show_default=True,
    help="Share of samples shown no caption.",
)
@click.option(
    "--object-weight",
    type=float,
    default=1.0,
    show_default=True,
    help="Of pixels inside the objects' boxes; the background has 1.",
)
@click.option(
    "--gradient-checkpointing", is_flag=True, help="Less memory, slower; changes no weight."
)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--threads", type=click.IntRange(min=1), help="CPU threads.")
@device_option
@_DTYPE
@offline_option
def train(data: Path, folder: Path | None, backbone: str, **values: Any) -> None:
    """Train a LoRA on DATA, the folder of 'esplora build-data', and print its file.

    The same command again continues; on one machine it ends with the same bytes.
    """
    from ..backbones.sampling import resolve_sampling
    from ..lora_training.kept_set import read_kept
    from ..lora_training.lora_settings import LoraSettings
    from ..lora_training.training import train_lora
    from ..plugins import Ability

    device, dtype, offline = (values.pop(name) for name in ("device", "dtype", "offline"))
    threads, frugal = values.pop("threads"), values.pop("gradient_checkpointing")
    with stdout_reserved():
        settings = LoraSettings(**values)
        kept = read_kept(data)
        sampling = resolve_sampling(
            GenerationSettings(
                backbone=asked_set.at_a_commit(backbone, offline),
                dtype=dtype,
                device=chosen_device(device),
                offline=offline,
            ),
            needs=(Ability.KNOWN_LAYERS,),
            why="its LoRA is trained in a UNet or in FLUX",
        )
        if threads:
            import torch

            torch.set_num_threads(threads)
        file = train_lora(kept, sampling, settings, folder or data / "lora", say, frugal=frugal)
        say(f"next: spatialbench run --method esplora --set lora={file} --bench visor")
    click.echo(file)
