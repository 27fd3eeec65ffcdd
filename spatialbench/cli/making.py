"""What ``run`` and ``generate`` take: what is made, and how this machine makes it."""

from __future__ import annotations

import click

from .options import device_option, offline_option, only_option, stack
from .parsing import BatchSize, FiniteFloat, Utf8

set_option = click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="KEY=VALUE",
    help="A parameter of the method; give --set again for another one.",
)
auto_batch_size_option = click.option(
    "--batch-size",
    type=BatchSize(),
    help="Images at a time; changes no image but for its rounding. auto: measure which is the "
    "fastest here, and keep to it.",
)
kernel_options = stack(
    click.option(
        "--compile",
        is_flag=True,
        help="Compile the model (torch.compile, CUDA graphs). Like the next two it can change an "
        "image by rounding, is noted in the manifest, and is no part of the identity.",
    ),
    click.option(
        "--channels-last", is_flag=True, help="Convolutions with the channels last in memory."
    ),
    click.option(
        "--cudnn-benchmark", is_flag=True, help="Let cuDNN measure which algorithm is fastest."
    ),
)
pack_option = click.option(
    "--pack",
    is_flag=True,
    help="Put the images into few large tar files instead of one file each; changes nothing "
    "else. 'pack' and 'unpack' do so later.",
)
retry_refused_option = click.option(
    "--retry-refused",
    is_flag=True,
    help="Ask again for images that were refused earlier, as by a server's content filter.",
)
overlap_option = click.option(
    "--overlap",
    is_flag=True,
    help="Look at images while others are being made, where memory holds both models; changes no "
    "result.",
)

run_options = stack(
    click.option(
        "--method",
        required=True,
        help="The method; 'list methods' shows them. Or path/to/file.py:NAME, where NAME is a "
        "method, a pipeline or a function (prompt, seed) -> image.",
    ),
    click.option(
        "--name",
        type=Utf8(),
        help="What the run is called in tables; the same command with another --name renames it. "
        "Your own function needs one, which is then part of what it is.",
    ),
    click.option("--bench", required=True, help="The benchmark, as NAME or NAME:subset."),
    click.option(
        "--backbone",
        help="The model: a name of 'list backbones', a diffusers folder, or org/name@revision; "
        "default: lab.",
    ),
    click.option(
        "--limit",
        type=int,
        help="Only the first N prompts of one fixed, balanced shuffle; a larger N contains them.",
    ),
    only_option("Only these tasks, relations or prompt ids, comma-separated."),
    click.option(
        "--images-per-prompt", type=int, help="How many; default: the benchmark's own number."
    ),
    click.option(
        "--steps", type=click.IntRange(min=1), help="Denoising steps; default: the backbone's own."
    ),
    click.option(
        "--guidance-scale",
        type=FiniteFloat(0),
        help="Classifier-free guidance; default: the backbone's own.",
    ),
    click.option("--scheduler", help="Such as ddim or euler; default: the backbone's own."),
    click.option(
        "--width", type=click.IntRange(min=1), help="In pixels; default: the backbone's own."
    ),
    click.option(
        "--height", type=click.IntRange(min=1), help="In pixels; default: the backbone's own."
    ),
    set_option,
    click.option(
        "--prompt-transform",
        metavar="NAME|file:PATH",
        help="Rewrite the prompts before the method sees them; the verdict stays with the "
        "original prompt. 'list prompt-transforms' shows the names; file:PATH takes the texts "
        "from a JSON or JSON Lines file, file:PATH#FIELD from that field.",
    ),
    click.option(
        "--seed-scheme",
        help="protocol (the benchmark's seeds) or hashed[:BASE]; default: protocol, and hashed "
        "with --until and one image per prompt.",
    ),
    auto_batch_size_option,
    device_option,
    click.option(
        "--dtype",
        type=click.Choice(["float32", "float16", "bfloat16"]),
        help="Number format of the models, part of the run's identity; default: float32.",
    ),
    kernel_options,
    click.option(
        "--record",
        multiple=True,
        metavar="WHAT",
        help="Also keep how images were made, in recorded.jsonl of the run; guidance: the loss by "
        "layer and step ('spatialbench guidance RUN' shows it). Changes no image.",
    ),
    click.option(
        "--out",
        type=click.Path(file_okay=False),
        help="The run's folder; default: one of its own under runs/.",
    ),
    pack_option,
    retry_refused_option,
    offline_option,
)
