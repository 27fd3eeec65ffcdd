"""Reading one HTTP request from a client that may be slow, wrong or hostile, within bounds."""

from __future__ import annotations

import io
import re
import select
import socket
import time
from email.message import Message

_LENGTH = re.compile(r"[0-9]{1,15}")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,12})[ \t]*(;[^\r\n]*)?\r?\n")
_LONGEST_LINE = 1024
_MOST_TRAILERS = 32
_LINGER = 5.0
"""Seconds for which the rest of a request that was refused is read and thrown away."""


class BadRequest(Exception):
    """A request that cannot be read, with the status that says so."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class TimedReader(io.RawIOBase):
    """A socket's bytes until a moment, after which every read raises TimeoutError."""

    def __init__(self, connection: socket.socket, seconds: float) -> None:
        self._connection = connection
        self._until = time.monotonic() + seconds

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """See ``io.RawIOBase.readinto``."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)
        return self._connection.recv_into(buffer)


def body_length(headers: Message, most: int) -> int | None:
    """How long a request says its body is; None for one in chunks, which says so piece by piece.

    Raises:
        BadRequest: no length, a wrong one, one beyond ``most``, or an encoding that is not read.
    """
    encoding = headers.get_all("Transfer-Encoding", [])
    lengths = headers.get_all("Content-Length", [])
    if headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise BadRequest(415, "compressed bodies are not read: send it as it is")
    if encoding:
        if lengths or [one.strip().lower() for one in encoding] != ["chunked"]:
            raise BadRequest(400, "a body is sent with a Content-Length or in chunks")
        return None
    if not lengths:
        raise BadRequest(411, "a Content-Length is needed")
    if len(lengths) > 1 or not _LENGTH.fullmatch(lengths[0].strip()):
        raise BadRequest(400, "the Content-Length is no number of bytes")
    length = int(lengths[0])
    if length > most:
        raise _too_large(most, f"{length:,} bytes")
    return length


def read_body(file: io.BufferedIOBase, length: int | None, most: int) -> bytes:
    """A request's body.

    Args:
        file: the bytes after the headers.
        length: what ``body_length`` says.
        most: bytes that a body in chunks may have.

    Raises:
        BadRequest: a body that ends early, chunks that are none, or more than ``most`` bytes.
        TimeoutError: the client is too slow.
        OSError: the connection is lost.
    """
    if length is not None:
        return _exactly(file, length)
    body = bytearray()
    while size := _chunk_size(file):
        if len(body) + size > most:
            raise _too_large(most, "a larger body")
        body += _exactly(file, size)
        if file.readline(_LONGEST_LINE).strip(b"\r\n"):
            raise BadRequest(400, "a chunk of the body is longer than it says")
    for _ in range(_MOST_TRAILERS):
        if not file.readline(_LONGEST_LINE).strip(b"\r\n"):
            return bytes(body)
    raise BadRequest(400, "the body has too many lines after its last chunk")


def is_gone(connection: socket.socket) -> bool:
    """Whether the client has closed its side, after which nobody reads a reply."""
    try:
        poll = select.poll()
        poll.register(connection, select.POLLIN)
        events = poll.poll(0)
        if not events:
            return False
        return bool(events[0][1] & ~select.POLLIN) or not connection.recv(1, socket.MSG_PEEK)
    except (OSError, ValueError):
        return True


def drain(connection: socket.socket) -> None:
    """Read what a client still sends, for a while, so that it gets to read its reply.

    A connection that is closed with bytes unread is reset, and the reply may be lost with it.
    """
    until = time.monotonic() + _LINGER
    try:
        connection.shutdown(socket.SHUT_WR)
        while (left := until - time.monotonic()) > 0:
            connection.settimeout(left)
            if not connection.recv(1 << 16):
                return
    except OSError:
        return


def _exactly(file: io.BufferedIOBase, size: int) -> bytes:
    content = file.read(size)
    if len(content) < size:
        raise BadRequest(400, f"the body ends after {len(content):,} of {size:,} bytes")
    return content


def _chunk_size(file: io.BufferedIOBase) -> int:
    found = _CHUNK_SIZE.fullmatch(file.readline(_LONGEST_LINE))
    if found is None:
        raise BadRequest(400, "the body's chunks cannot be read")
    return int(found[1], 16)


def _too_large(most: int, what: str) -> BadRequest:
    return BadRequest(
        413,
        f"{what} in one request, and at most {most:,} are read: send fewer or smaller images, or "
        "start the server with a larger --max-body",
    )
