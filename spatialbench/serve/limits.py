"""What one client, and all of them together, may take of a server."""

from __future__ import annotations

from dataclasses import dataclass

MEGABYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a server takes on.

    Attributes:
        batch_size: images that the model looks at together.
        queue: images that were taken on and are not answered yet, over all requests; also the most
            that one request may have.
        connections: open at a time, each with a thread; further ones wait in the system's backlog.
        body: bytes of a request's body.
        bodies: bytes of all bodies that are being read or decoded.
        pixels: of one image.
        seconds_to_send: in which a client has to have sent its request, and taken its reply.
        patience: seconds that a request waits for room in the queue before it is told to come
            again; below every trainer's own time limit, the shortest of which is 60.
    """

    batch_size: int = 16
    queue: int = 256
    connections: int = 128
    body: int = 128 * MEGABYTE
    bodies: int = 512 * MEGABYTE
    pixels: int = 2048 * 2048
    seconds_to_send: float = 60.0
    patience: float = 30.0
