"""What a run needs of this machine, asked before its first image.

Methods, detectors and rules say it by their hook ``requirements``, which loads no model and takes
nothing from the network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import UserError


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing that is needed.

    Attributes:
        what: a few words for lists, such as ``the weights of owlvit``.
        missing: what to say where it is not there, with what to type; None where it is.
        fetchable: whether ``download()`` gets it, so that it may be missing with a network.
        downloads: asks the network which files that would be: bytes by name, None where nobody
            says; None where it cannot be asked.
    """

    what: str
    missing: str | None = None
    fetchable: bool = False
    downloads: Callable[[], Mapping[str, int | None]] | None = field(default=None, compare=False)

    @property
    def state(self) -> str:
        """``here``, ``to be fetched`` or ``missing``."""
        if self.missing is None:
            return "here"
        return "to be fetched" if self.fetchable else "missing"


def required(
    what: str,
    check: Callable[[], Any],
    *,
    fetchable: bool = False,
    downloads: Callable[[], Mapping[str, int | None]] | None = None,
) -> Requirement:
    """A requirement that is there where ``check()`` raises no UserError."""
    try:
        check()
    except UserError as error:
        return Requirement(what, str(error), fetchable, downloads if fetchable else None)
    return Requirement(what)


def together(missing: Iterable[str]) -> list[str]:
    """What is missing, in order, with the same advice given once: ``A; B: type ...``."""
    of: dict[str, list[str]] = {}
    for text in dict.fromkeys(missing):
        what, _, advice = text.partition(": ")
        of.setdefault(advice or text, []).append(what)
    return [": ".join(dict.fromkeys(["; ".join(what), advice])) for advice, what in of.items()]
