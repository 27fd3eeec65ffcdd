"""How many images are made at a time: what the user asks for, as far as the method allows it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Literal

from ..plugins import Method
from ..prompts import Key, Prompt

if TYPE_CHECKING:
    from .evaluation import Evaluation

DEFAULT_BATCH_SIZE = 8

AUTO = "auto"
"""The batch size that is measured where the images are made."""

BatchSize = int | Literal["auto"]


def batch_of(method: Method, asked: BatchSize | None) -> int:
    """Images at a time; by default enough for two rounds of what a method does at once.

    That is also where the measuring of ``AUTO`` begins.
    """
    usual = method.own_batch_size or max(DEFAULT_BATCH_SIZE, 2 * method.at_once)
    size = asked if isinstance(asked, int) else usual
    return min(size, method.largest_batch or size)


def measured_batch(asked: Evaluation) -> int:
    """The size that the run on disk was begun with on such a device, else the fastest here.

    Raises:
        UserError: out of memory with a single image, or what the method raises.
    """
    from ..runs.machines import kind
    from ..runs.manifest import NAME, read_manifest
    from ..runs.store import RunDirectory
    from ..stages.batch_search import fastest_batch

    method, expected, tell = asked.spec.generator, asked.expected, asked.progress.notice
    device = kind(asked.settings.device)
    finished: Collection[Key] = ()
    if (asked.folder / NAME).is_file():
        for machine in read_manifest(asked.folder).machines:
            if machine.batch_size is not None and kind(machine.device) == device:
                tell(f"batch size {machine.batch_size}, with which this run was begun")
                return machine.batch_size
        finished = RunDirectory(asked.folder).finished_images(tell, hashed=False)
    start = batch_of(method, None)
    if method.served or method.largest_batch == 1:
        return start
    keys = expected.keys()
    due = [expected.request(key) for key in keys if key not in finished]
    found = fastest_batch(method, due, start)
    tell(found.told)
    return found.size


def notes(method: Method, prompts: Sequence[Prompt], asked: BatchSize | None) -> list[str]:
    """What is printed before the first image: of the prompts, and of another batch size than asked.

    Raises:
        UserError: a prompt that the method cannot take.
    """
    said = list(method.about_prompts(prompts))
    size = batch_of(method, asked)
    if isinstance(asked, int) and size < asked:
        said.append(
            f"batch size {size} and not {asked}: an image of this model is not known to be the "
            "same in a larger batch"
        )
    return said
