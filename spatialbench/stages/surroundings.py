"""What the process of a worker adds to the last bits of its results.

Sums are rounded otherwise with another number of threads, another instruction set or another batch
size. A run goes on with the number of threads it began with; where something else differs, the
user is told that the promise is now a tolerance.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ..plugins.evidence import ANSWERS, BOXES, SEEN, SIMILARITY
from ..runs.machine import Machine, with_kernels
from ..runs.machines import Changes, began, changes, kind, record_machine

IMAGES = "images"
DEPTH = "depth maps"

_HOW_FAR = {
    IMAGES: "by rounding, about one level in a few percent of the pixels",
    DEPTH: "by rounding, in the last levels of the maps",
    BOXES: "by rounding, in the last digits of boxes and scores",
    ANSWERS: "by rounding, in the last digits of the probabilities",
    SIMILARITY: "by rounding, in the last digits of the similarities",
}


@dataclass(frozen=True)
class Surroundings:
    """Where one stage of a run goes on. Picklable, so that workers can have it.

    Attributes:
        folder: the run directory, absolute.
        machine: what the command knows of its machine; without a device nothing is recorded.
        what: what the stage makes: ``IMAGES``, ``DEPTH``, or a kind of evidence.
        begun: whether some are there already.
    """

    folder: Path
    machine: Machine | None
    what: str
    begun: bool

    def enter(self) -> Entered:
        """To be called in the worker's process before it loads its model."""
        if self.machine is None or self.machine.device is None:
            return Entered(self, None, None)
        # A look can begin on another kind of device than the images did.
        device = None if self.what == IMAGES else self.machine.device
        first = began(self.folder, device)
        before = None
        if first is not None and first.threads and self._on_processor(first):
            before = take_threads(first.threads)
        return Entered(self, first, before)

    def _on_processor(self, first: Machine) -> bool:
        assert self.machine is not None
        return kind(first.device) == kind(self.machine.device) == "cpu"


class Entered:
    """A process that works in its surroundings, until it leaves them."""

    def __init__(self, where: Surroundings, first: Machine | None, before: int | None) -> None:
        self._where = where
        self._first = first
        self._before = before

    def loaded(self) -> tuple[str, ...]:
        """To be called when the model is there: records the machine.

        Returns:
            Sentences for the user.

        Raises:
            UserError: the manifest cannot be written.
        """
        where = self._where
        if where.machine is None or where.machine.device is None:
            return ()
        here = with_kernels(where.machine)
        if here.threads is None:
            return ()
        if kind(here.device) == "cpu":
            import torch

            # The same call in every process: it also settles how MKL chooses its threads.
            torch.set_num_threads(here.threads)
        record_machine(where.folder, here)
        sentences = self.taken()
        if where.begun:
            sentences += _warnings(where.what, self._first, here)
        return tuple(sentences)

    def taken(self) -> list[str]:
        """The sentence for the user, where the number of threads is not the process's own."""
        if self._before is None or self._first is None or self._first.threads is None:
            return []
        return [taken("run", self._first.threads, self._before)]

    def leave(self) -> None:
        """Give the process its own number of threads back."""
        if self._before is not None:
            import torch

            torch.set_num_threads(self._before)
            self._before = None


def take_threads(threads: int) -> int | None:
    """Let torch use so many threads, if this process may have them.

    Returns:
        How many it used before; None where nothing changed.
    """
    import torch

    own = torch.get_num_threads()
    if own == threads or threads > max(_processors(), own):
        return None
    torch.set_num_threads(threads)
    return own


def taken(what: str, threads: int, own: int) -> str:
    """The sentence for the user, where ``what`` goes on with the threads it began with."""
    return (
        f"this {what} began with {threads} thread(s) and goes on with as many, not with {own}: the "
        "number of threads changes the rounding"
    )


def _warnings(what: str, first: Machine | None, here: Machine) -> list[str]:
    if first is None:
        found = Changes(("threads and instruction set not recorded",), ())
    else:
        found = changes(first, here)
    made = SEEN[what].what if what in SEEN else what
    start = f"{made} made from here on can differ from those of an uninterrupted run"
    sentences = []
    if found.kernels:
        sentences.append(f"{start} {_HOW_FAR[what]} ({'; '.join(found.kernels)})")
    if found.packages:
        sentences.append(f"{start}: other versions of libraries ({'; '.join(found.packages)})")
    return sentences


def _processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
