"""What an evaluation would make, need and cost; nothing is written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from ..errors import UserError
from ..files.shown_text import counted
from ..plugins.requirements import Requirement
from . import until
from .evaluation import Evaluation


@dataclass(frozen=True)
class Download:
    """One file: for which need, its name there, and its bytes; None where nobody says."""

    what: str
    file: str
    bytes: int | None


@dataclass(frozen=True)
class Plan:
    """A run before it is made.

    Attributes:
        asked: what is evaluated.
        workers: how many processes share the work.
        seconds: wall time; None where nobody knows, as for the others.
        worker_seconds: of all workers together.
        bytes: on disk.
        price: of the worker hours.
        basis: where the estimate is from.
        needs: everything the run needs of this machine, whether or not it is there.
        downloads: what would be downloaded for it, as far as it could be asked.
    """

    asked: Evaluation
    workers: int
    seconds: float | None
    worker_seconds: float | None
    bytes: int | None
    price: float | None
    basis: str
    needs: Sequence[Requirement]
    downloads: Sequence[Download] = ()

    @property
    def hours(self) -> float | None:
        """Of all workers together."""
        return None if self.worker_seconds is None else self.worker_seconds / 3600

    def document(self) -> dict[str, Any]:
        """The plan as plain JSON: identity and needs apart."""
        asked, expected = self.asked, self.asked.expected
        return {
            "id": asked.spec.id,
            "folder": str(asked.folder),
            "prompts": len(expected.prompts),
            "images_per_prompt": expected.images_per_prompt,
            "images": expected.images,
            "device": asked.settings.device,
            "workers": self.workers,
            "seconds": self.seconds,
            "worker_hours": self.hours,
            "bytes": self.bytes,
            "price": self.price,
            "basis": self.basis,
            "downloads": [asdict(download) for download in self.downloads],
            "notes": [*until.notes(asked), *self._rewriting(), *asked.notes],
        }

    def _rewriting(self) -> list[str]:
        from ..prompt_transforms import Transformed
        from ..runs.sent_prompts import transform_sentence

        method = self.asked.spec.generator
        if not isinstance(method, Transformed):
            return []
        return [transform_sentence(method.transform, self.asked.expected.prompts)]


def plan(
    asked: Evaluation,
    workers: int = 1,
    price_per_hour: float | None = None,
    calibrate: bool = False,
) -> Plan:
    """Estimate a run, and list what it needs.

    Args:
        price_per_hour: of one worker, in any currency.
        calibrate: make two batches here, look at them, and estimate from that.

    Raises:
        UserError: an unknown name, or a value that something asked for does not take.
    """
    needs = _needs(asked)
    wall, together, size, basis = _measured(asked, workers) if calibrate else _rough(asked, workers)
    price = None if together is None or price_per_hour is None else together / 3600 * price_per_hour
    count = None if size is None else round(size)
    downloads = list(_downloads(needs))
    return Plan(asked, workers, wall, together, count, price, basis, needs, downloads)


Cost = tuple[float | None, float | None, float | None, str]
"""Wall seconds, worker seconds, bytes, and where they are from."""


@dataclass(frozen=True)
class Left:
    """Images that an evaluation still has to make: their time, None where nobody knows, and why."""

    images: int
    seconds: float | None
    basis: str


def left(asked: Evaluation, workers: int = 1) -> Left:
    """What a run still has to make, and how long that takes ``workers`` processes.

    Raises:
        UserError: an unknown name, or a damaged record.
    """
    from ..runs.store import RunDirectory

    there = RunDirectory(asked.folder).recorded(lambda notice: None)
    keys = asked.expected.keys()
    images = sum(key not in there for key in keys) // asked.shard.count
    seconds, _, _, basis = _rough(asked, workers)
    each = None if seconds is None else seconds / asked.expected.images
    return Left(images, None if each is None else each * images, basis)


def _needs(asked: Evaluation) -> list[Requirement]:
    """Everything needed, and also why something cannot even be asked for."""
    from ..stages.preflight import needs

    asked.judging  # noqa: B018
    try:
        return needs(asked.wanted())
    except UserError as error:
        return [Requirement("a detector that can be asked for", str(error))]


def _downloads(needs: Sequence[Requirement]) -> Iterator[Download]:
    """What would be fetched; nothing of what cannot be asked."""
    for need in needs:
        if need.missing is None or need.downloads is None:
            continue
        with suppress(UserError):
            for name, size in need.downloads().items():
                yield Download(need.what, name, size)


def _rough(asked: Evaluation, workers: int) -> Cost:
    """From the pace of images that the run already has, else from arithmetic.

    Time is that of generation alone; detection is seldom more than a tenth of it.
    """
    from ..runs.timing import read_pace
    from ..stages.estimate import estimate

    images, device = asked.expected.images, asked.settings.device
    known = estimate(asked.spec.identity["generator"], images, device)
    pace = read_pace(asked.folder)
    seconds, basis = known.seconds, f"roughly, on {device}"
    if pace is not None:
        seconds = pace.seconds * images
        basis = f"from {counted(pace.images, 'image')} of this run on {pace.where}"
    return None if seconds is None else seconds / workers, seconds, known.bytes, basis


def _measured(asked: Evaluation, workers: int) -> Cost:
    """From two batches, made and looked at here on the device that the run is to have."""
    from ..runs.machine import device_name
    from ..stages.calibrate import calibrate

    images = asked.expected.images
    found = calibrate(asked.expected, asked.spec.generator, asked.wanted().looks, asked.batch)
    together = found.load * workers + images * (found.generate + found.detect)
    basis = (
        f"from {counted(found.images, 'image')} made here on {device_name(asked.settings.device)}: "
        f"{found.generate:.3g} s to make one, {found.detect:.3g} s to look at it, "
        f"{found.load:.3g} s to load"
    )
    return found.seconds(images, workers), together, found.bytes * images, basis
