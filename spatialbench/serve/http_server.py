"""HTTP for the reward server: the standard library's, with bounds on what a client may take.

Every connection has a thread, a time by which it has to have sent its request, and one request: it
is closed after the reply, as the official servers do, so that no idle client keeps a thread.
"""

from __future__ import annotations

import io
import json
import socket
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from ..executors.attempts import in_one_line
from .asked import Refused
from .bounded_request import BadRequest, TimedReader, body_length, drain, is_gone, read_body
from .image_queue import TryLater
from .protocol import Protocol, Reply
from .service import ClientGone, Service

_BACKLOG = 1024
_BETWEEN_LOOKS = 0.5
"""Seconds after which one that waits for a free thread looks whether the server ends."""


class RewardServer(ThreadingHTTPServer):
    """Bound to its address from the start; listens after ``listen``.

    Args:
        family: of the address.
        address: as ``socket.bind`` takes it.
    """

    daemon_threads = True
    request_queue_size = _BACKLOG

    def __init__(self, family: int, address: tuple[Any, ...]) -> None:
        self.address_family = family
        super().__init__(cast(tuple[str, int], address), _Handler, bind_and_activate=False)
        self._reading: set[socket.socket] = set()
        self._open = 0
        self._ending = False
        self._changed = threading.Condition()
        try:
            self.server_bind()
        except BaseException:
            self.server_close()
            raise

    def server_bind(self) -> None:
        """Bind, without asking a name server what this host is called."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

    def listen(self, service: Service, refused: Callable[[str], None]) -> None:
        """Open the port.

        Args:
            service: answers the requests.
            refused: told in a line which request was refused, and why.

        Raises:
            OSError: somebody else listens at this address.
        """
        self.service = service
        self.refused = refused
        self._slots = threading.BoundedSemaphore(service.limits.connections)
        self.server_activate()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Begin a thread for a connection, once there are fewer of them than allowed."""
        while not self._slots.acquire(timeout=_BETWEEN_LOOKS):
            if self._ending:
                self.shutdown_request(request)
                return
        with self._changed:
            self._open += 1
            self._reading.add(request)
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._ended(request)
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """See ``socketserver.ThreadingMixIn``."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._ended(request)

    def has_read(self, request: socket.socket) -> None:
        """A connection's request is complete."""
        with self._changed:
            self._reading.discard(request)

    def stop_accepting(self) -> None:
        """Close the port, and give up requests that have not arrived; those in hand go on."""
        self._ending = True
        self.shutdown()
        self.server_close()
        with self._changed:
            for request in self._reading:
                with suppress(OSError):
                    request.shutdown(socket.SHUT_RD)

    def wait_for_replies(self, seconds: float) -> bool:
        """Wait until every connection is closed, at most so long; whether that is so."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._open, seconds)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A bug in this package must be seen; what a client broke must not."""
        self.refused(f"a bug of this server:\n{traceback.format_exc()}")

    def _ended(self, request: socket.socket) -> None:
        self._slots.release()
        with self._changed:
            self._open -= 1
            self._reading.discard(request)
            self._changed.notify_all()


class _Handler(BaseHTTPRequestHandler):
    server: RewardServer
    protocol_version = "HTTP/1.1"
    server_version = "spatialbench"
    sys_version = ""

    def setup(self) -> None:
        self.connection = self.request
        seconds = self.server.service.limits.seconds_to_send
        self.rfile = io.BufferedReader(TimedReader(self.connection, seconds), 1 << 16)
        self.wfile = io.BytesIO()
        self._unread = False
        self._expects_continue = False

    def handle(self) -> None:
        with suppress(OSError, ClientGone):
            self.handle_one_request()
            if self._unread:
                drain(self.connection)

    def finish(self) -> None:
        self.rfile.close()

    def handle_expect_100(self) -> bool:
        # Only a body that is going to be read is asked for.
        self._expects_continue = True
        return True

    def do_GET(self) -> None:
        path = self._path()
        service = self.server.service
        if path == "/health":
            health = {"status": "ok", "ready": True, "identity": service.identity}
            self._send(Reply(200, json.dumps(health).encode(), "application/json"))
        elif path in service.protocols:
            self._not_allowed("POST, OPTIONS")
        else:
            self._not_found()

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_OPTIONS(self) -> None:
        allowed = "POST, OPTIONS" if self._path() in self.server.service.protocols else "GET, HEAD"
        self._send(_plain(200, "", ("Allow", allowed)))

    def do_POST(self) -> None:
        service = self.server.service
        protocol = service.protocols.get(self._path())
        self._unread = True
        if protocol is None:
            if self._path() == "/health":
                self._not_allowed("GET, HEAD")
            else:
                self._not_found()
            return
        reply = self._answered(service, protocol)
        if reply.remark is not None:
            self.server.refused(f"{reply.status} to POST {protocol.path}: {reply.remark}")
        self._send(reply)

    def _answered(self, service: Service, protocol: Protocol) -> Reply:
        limits = service.limits
        gone = partial(is_gone, self.connection)
        try:
            length = body_length(self.headers, limits.body)
            room = limits.body if length is None else length
            with service.bodies.taken(room, limits.patience):
                if self._expects_continue:
                    self.connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
                content = read_body(self.rfile, length, limits.body)
                self._unread = False
                self.server.has_read(self.connection)
                pending = service.ask(protocol, content, gone)
                del content
            return pending.reply()
        except BadRequest as error:
            status = protocol.too_large_status if error.status == 413 else error.status
            return protocol.refusal(error.message, status)
        except TimeoutError:
            seconds = f"{limits.seconds_to_send:g}"
            return protocol.refusal(f"the request did not arrive within {seconds} s", 408)
        except Refused as error:
            return protocol.refusal(str(error))
        except TryLater as error:
            return protocol.later(error)
        except (OSError, ClientGone):
            raise
        except Exception as error:
            # A client that is told of a bug as of something passing would ask again for a day.
            self.server.refused(f"a bug of this server:\n{traceback.format_exc()}")
            return protocol.refusal(f"a bug of the server: {in_one_line(error)}")

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the standard library finds wrong with a request's head, in plain text."""
        self._unread = True
        self.request_version = self.protocol_version
        self._send(_plain(int(code), message or self.responses.get(code, ("error",))[0]))

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: refused requests are told in a line of their own."""

    def _path(self) -> str:
        """The path without its query and without empty parts, such as ``/compute``."""
        return "/" + "/".join(part for part in self.path.partition("?")[0].split("/") if part)

    def _not_found(self) -> None:
        known = ", ".join(f"POST {path}" for path in self.server.service.protocols)
        self._send(_plain(404, f"nothing is here; there is GET /health, {known}"))

    def _not_allowed(self, allowed: str) -> None:
        told = f"this path takes {allowed.split(', ')[0]}"
        self._send(_plain(405, told, ("Allow", allowed)))

    def _send(self, reply: Reply) -> None:
        self.server.has_read(self.connection)
        self.close_connection = True
        self.send_response(reply.status)
        for name, value in reply.headers:
            self.send_header(name, value)
        self.send_header("Connection", "close")
        self.send_header("Content-Type", reply.kind)
        self.send_header("Content-Length", str(len(reply.content)))
        self.end_headers()
        head = cast(io.BytesIO, self.wfile).getvalue()
        self.connection.settimeout(self.server.service.limits.seconds_to_send)
        self.connection.sendall(head if self.command == "HEAD" else head + reply.content)


def _plain(status: int, text: str, *headers: tuple[str, str]) -> Reply:
    return Reply(
        status, f"{text}\n".encode() if text else b"", "text/plain; charset=utf-8", headers
    )
