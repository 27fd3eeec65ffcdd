"""The options that say where the work is done: in this process or on Ray, all of it or a shard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..api.console import say
from ..errors import UserError, typed
from ..weights.devices import chosen_device, named_device
from .options import stack
from .parsing import FiniteFloat

if TYPE_CHECKING:
    from ..executors import Executor
    from ..runs.opening import Run
    from ..stages.plan import Shard

working_options = stack(
    click.option(
        "--executor",
        type=click.Choice(["local", "ray"]),
        default="local",
        show_default=True,
        help="local: this process; ray: any number of workers (pip install 'spatialbench[ray]').",
    ),
    click.option(
        "--address", help="ray: a running cluster, auto or HOST:PORT; default: this host."
    ),
    click.option(
        "--workers",
        type=click.IntRange(min=1),
        help="ray: how many; default: as many as fit in the cluster.",
    ),
    click.option(
        "--gpus-per-worker",
        type=FiniteFloat(0),
        help="ray: such as 0.5 for two workers per GPU; default: 1 on cuda, else 0.",
    ),
    click.option(
        "--time-limit",
        type=FiniteFloat(1),
        help="ray: seconds for a batch, after which its worker counts as hung; default: 3600.",
    ),
    click.option(
        "--shard",
        metavar="I/N",
        help="Only part I (from 1) of N of the work; shards may work on one folder at once. "
        "Afterwards the command without --shard prints the table.",
    ),
)


@dataclass(frozen=True)
class WorkingOptions:
    """The same options, as click parsed them."""

    executor: str
    address: str | None
    workers: int | None
    gpus_per_worker: float | None
    time_limit: float | None
    shard: str | None

    def part(self) -> Shard:
        """The shard asked for. Raises UserError for a text that names none."""
        from ..stages.plan import WHOLE, Shard

        return WHOLE if self.shard is None else Shard.parse(self.shard)

    def device(self, given: str | None) -> str:
        """The device of the workers; that this machine has it is asked only if it works itself.

        Raises:
            UserError: a word that is not a device, or a device that this machine lacks.
        """
        if self.executor == "ray":
            if given is None and self.gpus_per_worker:
                return "cuda"
            if given is not None:
                return named_device(given)
        return chosen_device(given)

    def build(self, device: str) -> Executor:
        """The executor.

        Raises:
            UserError: options of Ray without it.
        """
        from ..executors.named import named_executor

        return named_executor(
            self.executor,
            say,
            device=device,
            workers=self.workers,
            address=self.address,
            gpus_per_worker=self.gpus_per_worker,
            time_limit=self.time_limit,
        )


def working_of(values: dict[str, Any]) -> WorkingOptions:
    """The options among a command's parameters, taken out of ``values``."""
    return WorkingOptions(
        **{name: values.pop(name) for name in WorkingOptions.__dataclass_fields__}
    )


def refuse_given_up(*runs: Run, called: Mapping[Path, str] | None = None) -> None:
    """End with exit status 2 where images of some runs were given up; to be called last.

    Args:
        called: what several runs are called, by their folder; else the folder tells them apart.

    Raises:
        UserError: says which and why, and what to type.
    """
    from ..runs.status import given_up, refused

    sentences = []
    for run in runs:
        whose = f"{(called or {}).get(run.path, run.path)}: " if len(runs) > 1 else ""
        sentences += [f"{whose}{sentence}" for sentence in given_up(run)]
    if sentences:
        way = "give the same command again to try these images once more"
        if any(map(refused, runs)):
            way += "; those that were refused are asked for again with --retry-refused alone"
        raise UserError(f"{'. '.join(sentences)}. Everything else is finished and kept; {way}.")


def say_shard_done(shard: Shard, run: Run) -> None:
    """What remains to be typed when a shard is through."""
    say(
        f"shard {shard} is done; when all {shard.count} are, give the command without --shard for "
        f"the table ('{typed('status', run.path)}' tells how far they are)"
    )
