"""``spatialbench serve``: rewards for trainers, over HTTP."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any

import click

from ..api.console import say, stdout_reserved
from ..serve.limits import MEGABYTE, Limits
from .options import device_option, offline_option, threshold_option
from .parsing import FiniteFloat

_DEFAULT = Limits()


@click.command("serve")
@click.option("--bench", required=True, help="The benchmark, as NAME or NAME:subset.")
@click.option(
    "--detector",
    help="NAME, NAME:WEIGHTS or path/to/file.py:NAME; default: the benchmark's own.",
)
@click.option(
    "--rule",
    help="Whose score is the reward: NAME, or NAME:KEY=VALUE,...; default: the one that the "
    "benchmark has for rewards; 'list rules' shows them.",
)
@threshold_option
@click.option(
    "--metadata",
    type=click.Path(path_type=Path, dir_okay=False),
    help="JSON lines of training prompts besides the benchmark's, in the form of its own file.",
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Where to listen; the default is reached by this machine alone.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=18085,
    show_default=True,
    help="0 for any that is free.",
)
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    default=_DEFAULT.batch_size,
    show_default=True,
    help="Images that the detector looks at together, as far as so many wait.",
)
@click.option(
    "--queue",
    type=click.IntRange(min=1),
    default=_DEFAULT.queue,
    show_default=True,
    help="Images that are taken on at a time; also the most in one request.",
)
@click.option(
    "--max-body",
    type=click.IntRange(1, 4096),
    default=_DEFAULT.body // MEGABYTE,
    show_default=True,
    metavar="MB",
    help="The largest request.",
)
@click.option(
    "--max-pixels",
    type=click.IntRange(1, 1 << 26),
    default=_DEFAULT.pixels,
    show_default=True,
    help="Of one image.",
)
@click.option(
    "--connections",
    type=click.IntRange(min=1, max=4096),
    default=_DEFAULT.connections,
    show_default=True,
    help="Clients that are answered at a time; further ones wait.",
)
@click.option(
    "--timeout",
    type=FiniteFloat(0.1),
    default=_DEFAULT.seconds_to_send,
    show_default=True,
    help="Seconds that a client has for sending its request.",
)
@device_option
@offline_option
def command(
    bench: str,
    detector: str | None,
    rule: str | None,
    threshold: float | None,
    metadata: Path | None,
    host: str,
    port: int,
    batch_size: int,
    queue: int,
    max_body: int,
    max_pixels: int,
    connections: int,
    timeout: float,
    device: str | None,
    offline: bool,
) -> None:
    """Reward a trainer's images by a benchmark's rule, over HTTP.

    Answers Flow-GRPO and verl-omni (pickles to /), Flow-Factory (JSON to /compute) and JSON of its
    own for every benchmark (/v1/rewards); GET /health tells what decides the rewards. Prints one
    line when it is ready, and ends at SIGTERM or Ctrl-C, when what has arrived is answered.
    """
    from ..serve.five_fields import five_fields, rules_of_fields
    from ..serve.flow_factory import FlowFactory
    from ..serve.own_json import OwnJson
    from ..serve.pickled import Pickled
    from ..serve.protocol import Protocol
    from ..serve.rewarder import Rewarder
    from ..serve.serving import Bound, serve

    limits = Limits(
        batch_size=batch_size,
        queue=queue,
        connections=connections,
        body=max_body * MEGABYTE,
        bodies=max(_DEFAULT.bodies, 4 * max_body * MEGABYTE),
        pixels=max_pixels,
        seconds_to_send=timeout,
    )
    stdout = sys.stdout
    with stdout_reserved():
        bound = Bound(host, port)
        try:
            rewarder = Rewarder.of(
                bench,
                detector=detector,
                rule=rule,
                threshold=threshold,
                metadata=metadata,
                device=device,
                offline=offline,
                most_pixels=max_pixels,
                notice=say,
            )
        except BaseException:
            bound.close()
            raise
        if not bound.loopback:
            say(
                f"warning: {host} can be reached from other machines, and nobody is asked who they "
                "are: use it in a network that you trust (pickles are read without running them)"
            )

        def protocols(identity: dict[str, Any]) -> list[Protocol]:
            pickled = Pickled(rules_of_fields(rewarder), partial(five_fields, rewarder))
            return [pickled, FlowFactory(), OwnJson(identity)]

        def ready(identity: dict[str, Any]) -> None:
            decided = ", ".join(str(identity[key]) for key in ("benchmark", "rule", "detector"))
            click.echo(f"ready: {bound.url} ({decided})", file=stdout)

        serve(bound, rewarder, protocols, limits, ready, say)
