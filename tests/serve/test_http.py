"""What a client may do to the server: wrong, large, slow and half requests over real sockets."""

from __future__ import annotations

import base64
import io
import json
import pickle
import socket
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, suppress

import pytest
from PIL import Image

from spatialbench.serve.limits import MEGABYTE, Limits

from .fakes import (
    IDENTITY,
    PATIENCE,
    UNKNOWN,
    FakeScorer,
    Running,
    expected,
    flow_factory,
    flow_grpo,
    own,
    picture,
    serving,
    verl_omni,
)

SMALL = Limits(body=MEGABYTE, seconds_to_send=PATIENCE, pixels=64 * 64)


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with serving(FakeScorer(), SMALL) as server:
        yield server


def _raw(running: Running, *sent: bytes) -> bytes:
    """Everything that comes back on a connection."""
    with closing(
        socket.create_connection(("127.0.0.1", running.port), timeout=PATIENCE)
    ) as connection:
        for piece in sent:
            connection.sendall(piece)
        received = b""
        while piece := connection.recv(1 << 16):
            received += piece
    return received


def test_health_tells_the_identity(running: Running) -> None:
    status, content, headers = running.ask("GET", "/health")
    assert (status, headers["Content-Type"]) == (200, "application/json")
    assert json.loads(content) == {"status": "ok", "ready": True, "identity": IDENTITY}
    assert running.ask("HEAD", "/health")[:2] == (200, b"")


def test_other_methods_and_paths(running: Running) -> None:
    for path in ("/", "/compute", "/v1/rewards"):
        status, _, headers = running.ask("GET", path)
        assert (status, headers["Allow"]) == (405, "POST, OPTIONS")
        status, _, headers = running.ask("OPTIONS", path)
        assert (status, headers["Allow"]) == (200, "POST, OPTIONS")
    status, content, _ = running.ask("GET", "/nothing")
    assert status == 404
    assert b"/v1/rewards" in content
    assert running.ask("POST", "/nothing", b"x" * 100_000)[0] == 404
    assert running.ask("POST", "/health", b"")[0] == 405
    assert running.ask("DELETE", "/")[0] == 501


def test_slashes_and_queries_in_a_url_do_not_matter(running: Running) -> None:
    body = flow_factory(["a"], [10])
    for path in ("/compute/", "//compute", "/compute?x=1"):
        assert running.post(path, body)[1] == {"rewards": [expected("a", 10)]}


def test_a_reply_says_that_the_connection_ends(running: Running) -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\nContent-Length: %d\r\n\r\n"
    body = verl_omni("ab", 5)
    received = _raw(running, head % len(body), body)
    assert received.startswith(b"HTTP/1.1 200 ")
    assert b"\r\nConnection: close\r\n" in received
    assert pickle.loads(received.partition(b"\r\n\r\n")[2]) == {"scores": [expected("ab", 5)]}


def _chunked(body: bytes, size: int) -> bytes:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x;a=b\r\n%s\r\n" % (len(one), one) for one in pieces) + b"0\r\nA: b\r\n\r\n"


_HEAD = b"POST /v1/rewards HTTP/1.1\r\nHost: x\r\n"
_CHUNKED = _HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


def test_a_body_in_chunks_is_read(running: Running) -> None:
    body = own([{"level": 7, "prompt": "abc"}])
    received = _raw(running, _CHUNKED, _chunked(body, 100))
    assert json.loads(received.partition(b"\r\n\r\n")[2])["rewards"][0]["score"] == expected(
        "abc", 7
    )


@pytest.mark.parametrize(
    ("status", "sent"),
    [
        (411, _HEAD + b"\r\n"),
        (400, _HEAD + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\n{"),
        (400, _HEAD + b"Content-Length: -1\r\n\r\n"),
        (400, _HEAD + b"Content-Length: +1\r\n\r\n{"),
        (400, _HEAD + b"Content-Length: 1_0\r\n\r\n{"),
        (400, _HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        (400, _HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
        (415, _HEAD + b"Content-Length: 1\r\nContent-Encoding: gzip\r\n\r\n{"),
        (413, _HEAD + b"Content-Length: 1048577\r\n\r\n"),
        (413, _HEAD + b"Content-Length: 999999999999999\r\n\r\n"),
        (413, _CHUNKED + b"FFFFFFFF\r\n"),
        (413, _CHUNKED + b"80000\r\n" + b" " * 0x80000 + b"\r\n80001\r\n"),
        (400, _CHUNKED + b"5\r\n{}   more\r\n0\r\n\r\n"),
        (400, _CHUNKED + b"-5\r\n"),
        (400, _CHUNKED + b"\r\n"),
        (400, _CHUNKED + b"1" * 5000),
        (400, _CHUNKED + b"0\r\n" + b"a: b\r\n" * 100),
        (400, b"POST /v1/rewards HTTP/1.1 and more\r\n\r\n"),
        (505, b"POST /v1/rewards HTTP/3.0\r\n\r\n"),
        (414, b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n"),
        (431, _HEAD + b"a: b\r\n" * 200 + b"\r\n"),
    ],
    ids=lambda value: repr(value)[-50:] if isinstance(value, bytes) else str(value),
)
def test_requests_that_cannot_be_read(running: Running, status: int, sent: bytes) -> None:
    received = _raw(running, sent)
    assert received.startswith(b"HTTP/1.1 %d " % status), received[:200]
    assert b"Traceback" not in received


def test_a_body_that_ends_early_gets_an_error_or_nothing(running: Running) -> None:
    with closing(
        socket.create_connection(("127.0.0.1", running.port), timeout=PATIENCE)
    ) as connection:
        connection.sendall(_HEAD + b"Content-Length: 10\r\n\r\n{")
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(100).startswith(b"HTTP/1.1 400 ")


def test_a_body_that_is_too_large_is_refused_before_it_is_sent(running: Running) -> None:
    ask = _HEAD + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n"
    assert _raw(running, ask % (MEGABYTE + 1)).startswith(b"HTTP/1.1 413 ")
    body = own([{"level": 7, "prompt": "abc"}])
    with closing(
        socket.create_connection(("127.0.0.1", running.port), timeout=PATIENCE)
    ) as connection:
        connection.sendall(ask % len(body))
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert connection.recv(100).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("path", ["/", "/compute", "/v1/rewards"])
def test_a_client_that_sends_a_large_body_anyway_reads_its_reply(
    running: Running, path: str
) -> None:
    status, value = running.post(path, b" " * (8 * MEGABYTE))
    assert status == (200 if path == "/compute" else 413)
    assert "--max-body" in value["error"]
    assert list(value) == ["error"]


def _trickle(running: Running) -> bytes:
    """What a client is told that sends now and then."""
    with closing(socket.create_connection(("127.0.0.1", running.port), timeout=PATIENCE)) as slow:
        slow.sendall(_HEAD + b"Content-Length: 100000\r\n\r\n")
        slow.settimeout(0.05)
        while True:
            slow.sendall(b" ")
            with suppress(TimeoutError):
                return slow.recv(100)


@pytest.mark.parametrize(
    "ask", [lambda to: _raw(to, _HEAD + b"Content-Length: 9\r\n\r\n{"), _trickle]
)
def test_a_slow_client_is_told(ask: Callable[[Running], bytes]) -> None:
    """One that sends now and then has no more time than one that does not."""
    with serving(FakeScorer(), Limits(seconds_to_send=0.5)) as running:
        for _ in range(50):
            # On a busy machine the request's head itself may be too late, which is told to nobody.
            with suppress(ConnectionError):
                if ask(running).startswith(b"HTTP/1.1 408 "):
                    return
    pytest.fail("nobody is told")


def test_a_client_that_sends_no_request_is_dropped() -> None:
    # Where what it sent came after that, or was not read any more, its connection is reset.
    with (
        serving(FakeScorer(), Limits(seconds_to_send=0.1)) as running,
        suppress(ConnectionError),
    ):
        assert _raw(running, b"POST / HT") == b""


def test_further_connections_wait_for_a_free_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    scorer = FakeScorer()
    statuses: list[int] = []
    answers: list[int] = []
    with serving(scorer, Limits(connections=2), go=False) as running:
        refused = threading.Event()
        acquire = running.server._slots.acquire

        def watched(timeout: float) -> bool:
            free = acquire(timeout=timeout)
            if not free:
                refused.set()
            return free

        monkeypatch.setattr(running.server._slots, "acquire", watched)

        def hold() -> None:
            statuses.append(running.post("/", verl_omni("x", 1))[0])

        held = [threading.Thread(target=hold) for _ in "12"]
        for thread in held:
            thread.start()
        # Both have their threads, and keep them until scoring goes on; only now comes a third.
        running.until(2)
        third = threading.Thread(target=lambda: answers.append(running.ask("GET", "/health")[0]))
        third.start()
        # It was looked at, and found no thread free; or nothing stops it, and it is answered.
        while not refused.is_set() and third.is_alive():
            third.join(0.01)
        assert answers == []
        assert running.server._open == 2
        scorer.go.set()
        for thread in (*held, third):
            thread.join()
        assert (statuses, answers) == ([200, 200], [200])


def _bomb() -> bytes:
    """A JPEG of 16 x 16 whose header says 60,000 x 60,000."""
    content = bytearray(picture(5))
    at = content.index(b"\xff\xc0")
    content[at + 5 : at + 9] = b"\xea\x60\xea\x60"
    return bytes(content)


def _png_bomb() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data).to_bytes(4, "big")
        return len(data).to_bytes(4, "big") + kind + data + check

    header = (20_000).to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0"
    content = zlib.compress(b"\0" * 1_000_000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", content)


def _large() -> bytes:
    file = io.BytesIO()
    Image.new("L", (65, 64)).save(file, "JPEG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("image", "told"),
    [
        (_bomb(), "far more pixels, and at most 4,096"),
        (_large(), "65 x 64 pixels, and at most 4,096"),
        (picture(5)[:400], "no JPEG"),
        (picture(5)[:-2], "no whole"),
        (b"", "no JPEG"),
        (picture(5, "PNG"), "no JPEG"),
        (picture(5, "GIF"), "no JPEG"),
        (b"\xff\xd8\xff" + b"\0" * 500, "no JPEG"),
    ],
    ids=["bomb", "large", "cut", "cut late", "empty", "png", "gif", "only magic"],
)
def test_images_that_are_none(running: Running, image: bytes, told: str) -> None:
    request = {
        "images": [picture(1), image],
        "meta_datas": [{"prompt": "a"}, {"prompt": "b"}],
        "only_strict": True,
    }
    status, value = running.post("/", pickle.dumps(request))
    assert status == 400
    assert list(value) == ["error"]
    assert value["error"].startswith("image 2 of 2: ")
    assert told in value["error"]


def test_a_png_bomb_is_refused_by_its_header(running: Running) -> None:
    body = {"prompt": ["a"], "image": [base64.b64encode(_png_bomb()).decode()]}
    status, value = running.post("/compute", json.dumps(body).encode())
    assert status == 200
    assert "far more pixels" in value["error"]
    assert list(value) == ["error"]


def test_refusals_are_told_in_a_line(running: Running) -> None:
    running.lines.clear()
    running.post("/", flow_grpo([UNKNOWN], [1]))
    assert running.lines == [f"400 to POST /: unknown prompt '{UNKNOWN}'"]


def test_a_bug_is_no_500(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(content: bytes) -> None:
        raise ZeroDivisionError("a slip")

    for protocol in running.service.protocols.values():
        monkeypatch.setattr(protocol, "read", broken)
    for path, status in {"/": 400, "/compute": 200, "/v1/rewards": 400}.items():
        found, value = running.post(path, b"x")
        assert (found, list(value)) == (status, ["error"])
        assert "ZeroDivisionError: a slip" in value["error"]
    assert "Traceback" in running.lines[-2]
