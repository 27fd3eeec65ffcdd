"""Servers on this machine that speak real HTTP, and fail where they are told to."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
from PIL import Image

SIZE = (32, 24)

PAGE = b"<!DOCTYPE html><html><body>Sign in</body></html>"


def drawn(text: str, seed: int | None, size: tuple[int, int] = SIZE) -> Image.Image:
    """The image that every server here makes: noise from prompt and seed."""
    digest = hashlib.sha256(f"{text}/{seed}".encode()).digest()
    noise = np.random.default_rng(list(digest)).integers(0, 256, (size[1], size[0], 3))
    return Image.fromarray(noise.astype(np.uint8))


def png(image: Image.Image, kind: str = "PNG") -> bytes:
    """An image as a file."""
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


@dataclass
class Asked:
    """A request as it came in, and how often the same one came before."""

    method: str
    path: str
    headers: dict[str, str]
    content: Any
    before: int


@dataclass
class Reply:
    """What is sent. ``how`` is ``whole``, or a way to fail: ``drop``, ``cut`` or ``hang``."""

    content: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    how: str = "whole"

    @property
    def body(self) -> bytes:
        return (
            self.content if isinstance(self.content, bytes) else json.dumps(self.content).encode()
        )


@dataclass
class Server:
    """What a test sees of a server: where it is, and what it was asked."""

    url: str
    asked: list[Asked] = field(default_factory=list)
    most_at_once: int = 0

    def posts(self) -> list[Asked]:
        return [one for one in self.asked if one.method == "POST"]


@contextmanager
def serving(answer: Callable[[Asked], Reply]) -> Iterator[Server]:
    """A server on a free port whose every answer is ``answer``'s."""
    lock, released = threading.Lock(), threading.Event()
    at_work: list[None] = []

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            content = json.loads(body) if body else None
            with lock:
                at_work.append(None)
                shown.most_at_once = max(shown.most_at_once, len(at_work))
                same = [o for o in shown.asked if (o.path, o.content) == (self.path, content)]
                headers = {name.lower(): value for name, value in self.headers.items()}
                asked = Asked(self.command, self.path, headers, content, len(same))
                shown.asked.append(asked)
            try:
                reply = answer(asked)
            finally:
                # Before it is sent: whoever has it asks for the next at once.
                with lock:
                    at_work.pop()
            try:
                self._send(reply)
            except OSError:
                self.close_connection = True

        def _send(self, reply: Reply) -> None:
            if reply.how == "hang":
                released.wait()
            if reply.how in ("drop", "hang"):
                self.close_connection = True
                return
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.send_header("Connection", "close")
            self.end_headers()
            cut = len(reply.body) // 2 if reply.how == "cut" else None
            self.wfile.write(reply.body[:cut])
            self.close_connection = True

        do_GET = do_POST = _answer

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing on stderr."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        shown = Server(f"http://127.0.0.1:{http.server_port}")
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield shown
        finally:
            released.set()
            http.shutdown()
            thread.join()


def size_in(asked: Asked) -> tuple[int, int]:
    """The size that a request for images asks for."""
    width, x, height = str(asked.content.get("size") or "").partition("x")
    return (int(width), int(height)) if x else SIZE


def images(*contents: bytes) -> Reply:
    """An answer with images in OpenAI's form."""
    data = [{"b64_json": base64.b64encode(one).decode(), "url": None} for one in contents]
    return Reply({"created": 1, "data": data})


def openai_like(
    fault: Callable[[Asked], Reply | None] = lambda asked: None,
    *,
    owner: str = "vllm",
    models: tuple[str, ...] = ("org/model",),
    heeds_seeds: bool = True,
) -> Callable[[Asked], Reply]:
    """A server with OpenAI's images API; ``fault`` is asked first for every image."""

    def answer(asked: Asked) -> Reply:
        if asked.method == "GET":
            if not asked.path.endswith("/v1/models"):
                return Reply({"detail": "Not Found"}, 404)
            listed = [{"id": name, "owned_by": owner, "root": name} for name in models]
            return Reply({"object": "list", "data": listed})
        failed = fault(asked)
        if failed is not None:
            return failed
        seed = asked.content.get("seed") if heeds_seeds else None
        return images(png(drawn(asked.content["prompt"], seed, size_in(asked))))

    return answer
