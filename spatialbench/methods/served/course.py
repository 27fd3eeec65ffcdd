"""What happened to the requests so far: what is printed of it, and when there is no use in more."""

from __future__ import annotations

import logging
import threading

from ...errors import UserError
from .faults import Fault

_log = logging.getLogger("spatialbench")

_ONCE_AFTER = 3
_STOP_AFTER = 10
"""Prompts without an image in a row after which each is asked for once, and after which none is."""


class Course:
    """The requests of all threads of one worker."""

    def __init__(
        self, works: bool | None = None, asked: str = "prompts", wanted: str = "image"
    ) -> None:
        """Begin to count.

        Args:
            works: whether the server has answered; False where it has not in many tries.
            asked: what messages call the texts that are asked, in the plural.
            wanted: what they call what each is to get.
        """
        self.asked, self._wanted = asked, wanted
        self._lock = threading.Lock()
        self._works = works
        self._in_vain: dict[str, None] = {}
        self._told: dict[str, int] = {}
        self._size: tuple[int, int] | None = None

    def answered(self, size: tuple[int, int] | None = None, where: str = "") -> None:
        """The server is there; where there is an image, it works, and all have one size.

        Raises:
            UserError: an image of another size than the first.
        """
        with self._lock:
            self._in_vain.clear()
            if size is None:
                return
            self._works = True
            self._size = self._size or size
            if size != self._size:
                raise UserError(
                    f"{where} has {size[0]} x {size[1]} pixels and the first one had "
                    f"{self._size[0]} x {self._size[1]}: give --width and --height, so that all "
                    "have one size."
                )

    def failed(self, text: str, reason: str) -> bool:
        """A prompt got no image; whether others did, so that it may be the prompt's fault.

        Raises:
            UserError: so did many, one after the other.
        """
        with self._lock:
            self._in_vain[text] = None
            count, works = len(self._in_vain), self._works
        if count >= _STOP_AFTER:
            raise UserError(
                f"{count} {self.asked} in a row got no {self._wanted}, the last because {reason}: "
                "see to the server, then give the same command again; what is finished is kept."
            )
        return works is True

    def tries(self, retries: int) -> int:
        """How often a request is made again: not at all while nothing works."""
        with self._lock:
            doubtful = self._works is False or len(self._in_vain) >= _ONCE_AFTER
            return 0 if doubtful else retries

    def tell(self, fault: Fault, where: str, wait: float, attempt: int, retries: int) -> None:
        """Print a fault the 1st, 2nd, 4th, 8th ... time; every one that may have been charged."""
        reason = str(fault)
        with self._lock:
            self._told[reason] = count = self._told.get(reason, 0) + 1
        if fault.sent:
            reason += "; it may have been charged all the same"
        elif count & (count - 1):
            return
        times = f" (so far {count} times)" if count > 3 and not fault.sent else ""
        _log.warning(
            "%s: %s%s; asked again in %.2g s, %d of %d.",
            where,
            reason,
            times,
            wait,
            attempt,
            retries,
        )
