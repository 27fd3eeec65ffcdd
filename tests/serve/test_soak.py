"""A thousand requests of every kind from sixteen clients, some of which are killed."""

from __future__ import annotations

import http.client
import json
import os
import pickle
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from .fakes import PATIENCE, UNKNOWN, expected, flow_factory, flow_grpo, own, verl_omni

CLIENTS = 16
ROOT = Path(__file__).parents[2]


class Server:
    """What Linux tells of the server's process."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self._proc = Path(f"/proc/{process.pid}")
        self.port = port

    def held(self) -> tuple[int, int]:
        """Threads and open files."""
        return len(list((self._proc / "task").iterdir())), len(list((self._proc / "fd").iterdir()))

    def settle(self, held: tuple[int, int]) -> None:
        """Wait until it holds so many threads and files again; a leak never lets it."""
        until = time.monotonic() + PATIENCE
        while (now := self.held()) != held:
            assert time.monotonic() < until, f"{now} threads and files instead of {held}"
            time.sleep(0.05)

    def memory(self) -> int:
        """Resident, in kilobytes."""
        status = (self._proc / "status").read_text()
        (line,) = [one for one in status.splitlines() if one.startswith("VmRSS:")]
        return int(line.split()[1])


@pytest.fixture
def server() -> Iterator[Server]:
    command = [sys.executable, "-m", "tests.serve.soak_server"]
    # One heap: with one per thread, memory depends on how many threads ever met.
    surroundings = {**os.environ, "MALLOC_ARENA_MAX": "1"}
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=surroundings,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        yield Server(process, int(process.stdout.readline()))
        ended, _ = process.communicate()
        assert (ended, process.returncode) == ("0\n", 0)


def _requests(dice: random.Random) -> tuple[str, bytes | None, Callable[[int, Any], bool]]:
    """A path, a body, and what makes its reply right."""
    levels = [dice.randrange(256) for _ in range(dice.randrange(1, 9))]
    texts = [f"prompt {dice.randrange(10**6)}" for _ in levels]
    rewards = list(map(expected, texts, levels))
    entries = [{"level": n, "prompt": text} for n, text in zip(levels, texts, strict=True)]
    kinds: list[tuple[str, bytes | None, Callable[[int, Any], bool]]] = [
        ("/", flow_grpo(texts, levels), lambda s, v: s == 200 and v["scores"] == rewards),
        (
            "/",
            verl_omni(texts[0], levels[0]),
            lambda s, v: (s, v) == (200, {"scores": rewards[:1]}),
        ),
        (
            "/compute",
            flow_factory(texts, levels),
            lambda s, v: (s, v) == (200, {"rewards": rewards}),
        ),
        (
            "/v1/rewards",
            own([*entries, {"level": 1, "prompt": UNKNOWN}]),
            lambda s, v: (
                s == 200
                and [one.get("reward") for one in v["rewards"]] == [*rewards, None]
                and "error" in v["rewards"][-1]
            ),
        ),
        (
            "/",
            flow_grpo([*texts, UNKNOWN], [*levels, 1]),
            lambda s, v: s == 400 and [*v] == ["error"],
        ),
        ("/", pickle.dumps(len), lambda s, v: s == 400 and [*v] == ["error"]),
        ("/compute", b"{", lambda s, v: s == 200 and [*v] == ["error"]),
        ("/v1/rewards", b" " * (2 << 20), lambda s, v: s == 413 and [*v] == ["error"]),
        ("/health", None, lambda s, v: s == 200 and v["status"] == "ok"),
    ]
    return dice.choice(kinds)


def _one(port: int, number: int) -> str:
    """Send a request, or be killed in the middle of it; what became of it."""
    dice = random.Random(number)
    path, body, right = _requests(dice)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        if dice.random() < 0.2:
            connection.putrequest("POST", path)
            connection.putheader("Content-Length", str(len(body or b"")))
            connection.endheaders((body or b"")[: dice.randrange(len(body or b"") + 1)] or None)
            return "killed"
        connection.request("GET" if body is None else "POST", path, body)
        reply = connection.getresponse()
        content = reply.read()
        value = pickle.loads(content) if path == "/" else json.loads(content)
        assert right(reply.status, value), (path, reply.status, value)
        return "answered"
    finally:
        connection.close()


def test_a_thousand_requests_leave_nothing_behind(server: Server) -> None:
    idle = server.held()
    with ThreadPoolExecutor(CLIENTS) as clients:

        def send(numbers: range) -> list[str]:
            return list(clients.map(lambda number: _one(server.port, number), numbers))

        send(range(10_000, 10_300))
        server.settle(idle)
        warm = server.memory()
        became = send(range(1000))
    server.settle(idle)
    assert 100 < became.count("killed") < 300
    assert became.count("answered") + became.count("killed") == 1000
    assert server.memory() < 1.1 * warm
