"""Being asked to stop (SIGTERM): finish the batch in hand, then stop and say how to continue.

Clusters send SIGTERM some seconds before SIGKILL. Between batches it stops the command at once, as
Ctrl-C does; inside ``batch_in_hand`` it waits until the batch is done. A second one stops at once
anywhere. Processes that did not call ``on_sigterm`` (workers elsewhere) are stopped by whoever
started them.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

EXIT_STATUS = 128 + signal.SIGTERM
"""143, as shells and schedulers tell a process that ended by SIGTERM."""


class Stopped(BaseException):
    """Somebody sent SIGTERM. Not an Exception: nothing may take it for a failure."""


class _Request:
    in_hand = 0
    asked = False


_request = _Request()


@contextmanager
def on_sigterm() -> Iterator[None]:
    """Raise Stopped in the main thread at SIGTERM, as soon as no batch is in hand."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
        _request.asked = False


@contextmanager
def batch_in_hand() -> Iterator[None]:
    """Work that SIGTERM does not break off.

    Raises:
        Stopped: at the end, where SIGTERM came meanwhile.
    """
    _request.in_hand += 1
    try:
        yield
    finally:
        _request.in_hand -= 1
    if _request.asked and threading.current_thread() is threading.main_thread():
        raise Stopped


def _handle(number: int, frame: object) -> None:
    if _request.in_hand and not _request.asked:
        _request.asked = True
        return
    raise Stopped
