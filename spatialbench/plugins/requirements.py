"""What a run needs of this machine, asked before its first image: a plug-in's optional hook.

A generator, a detector or a rule may offer ``requirements``, which loads no model and takes nothing
from the network:

- ``Generator.requirements(requests)``: of the images to be made;
- ``Detector.requirements(names)``: of the object names to be looked for;
- ``Rule.requirements(requests, run)``: of the images to be judged, and the folder of their run.

Each returns ``Requirement``s. One that does not offer it is asked nothing, and says what it lacks
when it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import UserError
from . import Detector, Generator, ImageRequest, Rule


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing that is needed.

    Attributes:
        what: a few words for lists, such as ``the weights of owlvit``.
        missing: what to say where it is not there, with what to type; None where it is.
        fetchable: whether ``download()`` gets it, so that it may be missing with a network.
    """

    what: str
    missing: str | None = None
    fetchable: bool = False

    @property
    def state(self) -> str:
        """``here``, ``to be fetched`` or ``missing``."""
        if self.missing is None:
            return "here"
        return "to be fetched" if self.fetchable else "missing"


def required(what: str, check: Callable[[], Any], *, fetchable: bool = False) -> Requirement:
    """A requirement that is there where ``check()`` raises no UserError."""
    try:
        check()
    except UserError as error:
        return Requirement(what, str(error), fetchable)
    return Requirement(what)


def of_generator(generator: Generator, requests: Sequence[ImageRequest]) -> list[Requirement]:
    """What a generator says it needs for these images."""
    hook = getattr(generator, "requirements", None)
    return [] if hook is None else list(hook(requests))


def of_detector(detector: Detector, names: Collection[str]) -> list[Requirement]:
    """What a detector says it needs to look for these object names."""
    hook = getattr(detector, "requirements", None)
    return [] if hook is None else list(hook(names))


def of_rule(rule: Rule, requests: Sequence[ImageRequest], run: Path) -> list[Requirement]:
    """What a rule says it needs to judge these images of a run."""
    hook = getattr(rule, "requirements", None)
    return [] if hook is None else list(hook(requests, run))
