"""A reward server's life: bind, load the model, open the port, answer, end when told to."""

from __future__ import annotations

import errno
import ipaddress
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from typing import Any, Protocol

from ..errors import UserError
from ..executors.attempts import in_one_line
from ..files.shown_text import counted
from .asked import Asked, Ready, Refused, Reward
from .http_server import RewardServer
from .limits import Limits
from .protocol import Protocol as WireProtocol
from .service import Service

_POLL = 0.1
"""Seconds between two looks at whether the port is to be closed, or a signal came.

The system may give a signal to any thread, and Python's main thread handles it when it next runs.
"""

_SECONDS_TO_TELL = 10.0
"""For the last replies of a server whose model failed."""


class Scorer(Protocol):
    """What serves below HTTP; see ``Rewarder``."""

    def load(self) -> None: ...

    def identity(self) -> dict[str, Any]: ...

    def read(self, asked: Asked) -> Ready: ...

    def reward(
        self, batch: Sequence[Ready], rules: Sequence[str]
    ) -> Sequence[Reward | Refused]: ...


class Bound:
    """An address that is this process's, and not open yet: nobody can connect before ``open``.

    Raises:
        UserError: an address that is none of this machine, or is taken.
    """

    def __init__(self, host: str, port: int) -> None:
        self._asked = (host, port)
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        except (OSError, UnicodeError) as error:
            raise UserError(
                f"--host {host} is no address of this machine ({error}): give 127.0.0.1, which "
                "only this machine reaches, or 0.0.0.0 for every network that it is on."
            ) from error
        # A name such as localhost may have both, and trainers are told 127.0.0.1.
        family, _, _, _, address = min(found, key=lambda one: one[0] != socket.AF_INET)
        self.loopback = ipaddress.ip_address(str(address[0]).partition("%")[0]).is_loopback
        try:
            self.server = RewardServer(family, address)
        except OSError as error:
            raise self._not_to_be_had(error) from error

    @property
    def url(self) -> str:
        """Where clients ask."""
        host, port = self.server.server_address[:2]
        shown = f"[{host!s}]" if ":" in str(host) else str(host)
        return f"http://{shown}:{port}"

    def close(self) -> None:
        """Give the address back."""
        self.server.server_close()

    def open(self, service: Service, refused: Callable[[str], None]) -> Open:
        """Open the port and answer.

        Raises:
            UserError: another process opened it meanwhile.
        """
        try:
            self.server.listen(service, refused)
        except OSError as error:
            raise self._not_to_be_had(error) from error
        return Open(self.server, service)

    def _not_to_be_had(self, error: OSError) -> UserError:
        host, port = self._asked
        if error.errno == errno.EADDRINUSE:
            return UserError(
                f"port {port} of {host} is in use: end what listens there, or give another --port "
                "(0 for any that is free)."
            )
        if error.errno in (errno.EACCES, errno.EPERM):
            return UserError(f"port {port} needs rights that you lack: give a --port above 1023.")
        return UserError(
            f"{host} cannot be listened on ({error.strerror}): give an address of this machine as "
            "--host, such as 127.0.0.1."
        )


class Open:
    """A server that answers."""

    def __init__(self, server: RewardServer, service: Service) -> None:
        self._server = server
        self._service = service
        self._accepting = threading.Thread(
            target=server.serve_forever, args=(_POLL,), name="serve-accepting", daemon=True
        )
        service.start()
        self._accepting.start()

    def end(self) -> None:
        """Close the port, answer what has arrived, and return when the last reply is sent."""
        self._close_port()
        while not self._server.wait_for_replies(_POLL):
            pass
        self._service.stop()

    def end_without_model(self) -> None:
        """The same where no image can be scored any more, and every client is being told so."""
        self._close_port()
        self._server.wait_for_replies(_SECONDS_TO_TELL)

    def _close_port(self) -> None:
        self._server.stop_accepting()
        self._accepting.join()


def serve(
    bound: Bound,
    scorer: Scorer,
    protocols: Callable[[dict[str, Any]], Sequence[WireProtocol]],
    limits: Limits,
    ready: Callable[[dict[str, Any]], None],
    say: Callable[[str], None],
) -> None:
    """Load the model, open the port, and answer until SIGTERM or Ctrl-C; returns when all is told.

    To be called in the main thread. A second signal ends the process at once.

    Args:
        bound: where.
        scorer: is loaded, and checked by its canary, before anybody can connect.
        protocols: makes them, given the identity.
        limits: how much is taken on.
        ready: told the identity once the port is open.
        say: told of refused requests and of the end, a line each.

    Raises:
        UserError: the model cannot be loaded, the address is taken, or the model fails for good.
    """
    inbox: SimpleQueue[str | BaseException] = SimpleQueue()
    try:
        scorer.load()
        identity = scorer.identity()
        service = Service(
            scorer.read, scorer.reward, identity, protocols(identity), limits, inbox.put
        )
        with _signals(inbox):
            running = bound.open(service, say)
            ready(identity)
            told = _next(inbox)
            if isinstance(told, BaseException):
                running.end_without_model()
                raise UserError(
                    f"the model failed and cannot go on: {in_one_line(told)}. Every client was "
                    "told to try later: start the server again."
                ) from told
            say(f"{told}: the port is closed, what has arrived is still answered")
            running.end()
            images, batches = service.scoring.images, service.scoring.batches
            many = counted(batches, "batch", "batches")
            were = "was" if images == 1 else "were"
            say(f"ended: {counted(images, 'image')} {were} scored in {many}")
    finally:
        bound.close()


def _next(inbox: SimpleQueue[str | BaseException]) -> str | BaseException:
    while True:
        with suppress(Empty):
            return inbox.get(timeout=_POLL)


@contextmanager
def _signals(inbox: SimpleQueue[str | BaseException]) -> Iterator[None]:
    """Put the first SIGTERM or SIGINT into the inbox; end the process at the second."""
    came: list[int] = []

    def handle(number: int, frame: object) -> None:
        came.append(number)
        if len(came) == 1:
            inbox.put(signal.Signals(number).name)
        else:
            # Threads inside a model's library do not survive Python's own end.
            os.write(sys.stderr.fileno(), b"ended at once by a second signal\n")
            os._exit(128 + number)

    before = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
