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


class Requests:
    """How many SIGTERMs came."""

    def __init__(self) -> None:
        self.count = 0
        self._in_hand = 0
        self._counted = False

    def _raise(self) -> None:
        if self.count and threading.current_thread() is threading.main_thread():
            raise Stopped

    def _handle(self, number: int, frame: object) -> None:
        self.count += 1
        if not self._counted and (self.count > 1 or not self._in_hand):
            raise Stopped


_requests = Requests()


@contextmanager
def on_sigterm() -> Iterator[None]:
    """Raise Stopped in the main thread at SIGTERM, as soon as no batch is in hand."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _requests._handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
        _requests.count = 0


@contextmanager
def batch_in_hand() -> Iterator[None]:
    """Work that SIGTERM does not break off. (On other threads than the main one it never does.)

    Raises:
        Stopped: at the end, where SIGTERM came meanwhile.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _requests._in_hand += 1
    try:
        yield
    finally:
        _requests._in_hand -= 1
    _requests._raise()


@contextmanager
def requests_counted() -> Iterator[Requests]:
    """Work that looks by itself whether SIGTERM came, and is broken off by none.

    Raises:
        Stopped: at the end, where SIGTERM came meanwhile.
    """
    _requests._counted = True
    try:
        yield _requests
    finally:
        _requests._counted = False
    _requests._raise()


@contextmanager
def handler_kept() -> Iterator[None]:
    """Put back what SIGTERM does after a library that sets it to ``sys.exit``.

    Raises:
        Stopped: SIGTERM came meanwhile and the library's handler took it.
    """
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    except SystemExit as error:
        if error.code == signal.SIGTERM:
            raise Stopped from error
        raise
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)
