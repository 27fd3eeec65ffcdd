"""A server's life: the address, the model, the port, the signals, and the command over it all."""

from __future__ import annotations

import base64
import http.client
import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from spatialbench import plugins
from spatialbench.cli import main
from spatialbench.errors import UserError
from spatialbench.serve.asked import Ready
from spatialbench.serve.limits import Limits
from spatialbench.serve.own_json import OwnJson
from spatialbench.serve.service import Service
from spatialbench.serve.serving import Bound, serve

from .fakes import IDENTITY, PATIENCE, FakeScorer, expected, own

ROOT = Path(__file__).parents[2]


def _serve(
    bound: Bound, scorer: FakeScorer, ready: Callable[[], None], lines: list[str] | None = None
) -> None:
    serve(
        bound,
        scorer,
        lambda identity: [OwnJson(identity)],
        Limits(),
        lambda identity: ready(),
        ([] if lines is None else lines).append,
    )


def _port(bound: Bound) -> int:
    return int(bound.server.server_address[1])


def _refuses(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:
        # Closed while it was connected.
        return False
    return False


def test_the_port_opens_after_the_model_is_checked_and_never_where_it_is_not_sound() -> None:
    bound = Bound("127.0.0.1", 0)
    port = _port(bound)
    refused: list[bool] = []

    class Unsound(FakeScorer):
        def load(self) -> None:
            refused.append(_refuses(port))
            raise UserError("the canary is dead")

    with pytest.raises(UserError, match="canary"):
        _serve(bound, Unsound(), pytest.fail)
    assert refused == [True]
    # Asked of the socket: the port may be another process's by now.
    assert bound.server.socket.fileno() == -1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_when_what_has_arrived_is_answered(number: int) -> None:
    bound = Bound("127.0.0.1", 0)
    port = _port(bound)
    scorer = FakeScorer()
    before = signal.getsignal(number)
    lines: list[str] = []
    replies: list[Any] = []

    def client() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        scorer.go.clear()
        connection.request("POST", "/v1/rewards", own([{"level": 5, "prompt": "abc"}] * 40))
        scorer.started.wait()
        os.kill(os.getpid(), number)
        while not _refuses(port):
            threading.Event().wait(0.01)
        scorer.go.set()
        reply = connection.getresponse()
        replies.append((reply.status, json.loads(reply.read())))

    thread = threading.Thread(target=client)
    _serve(bound, scorer, thread.start, lines)
    thread.join()
    ((status, value),) = replies
    assert status == 200
    assert [one["reward"] for one in value["rewards"]] == [expected("abc", 5)] * 40
    name = signal.Signals(number).name
    assert lines == [
        f"{name}: the port is closed, what has arrived is still answered",
        "ended: 40 images were scored in 3 batches",
    ]
    assert signal.getsignal(number) == before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_it_at_once(number: int) -> None:
    command = [sys.executable, "-m", "tests.serve.stuck_server"]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request("POST", "/v1/rewards", own([{"level": 5, "prompt": "abc"}]))
        assert process.stdout.readline() == "stuck\n"
        process.send_signal(number)
        assert process.stdout.readline().startswith(f"{signal.Signals(number).name}: ")
        assert process.poll() is None
        process.send_signal(number)
        assert process.wait(PATIENCE) == 128 + number
        assert "a second signal" in process.communicate()[1]
        connection.close()


def test_a_model_that_cannot_go_on_ends_the_server_with_a_sentence() -> None:
    def fails(batch: Sequence[Ready]) -> None:
        raise RuntimeError("CUDA error: device-side assert triggered")

    bound = Bound("127.0.0.1", 0)
    statuses: list[int] = []

    def client() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", _port(bound))
        connection.request("POST", "/v1/rewards", own([{"level": 5, "prompt": "abc"}]))
        statuses.append(connection.getresponse().status)

    thread = threading.Thread(target=client)
    with pytest.raises(UserError, match=r"device-side assert.*start the server again"):
        _serve(bound, FakeScorer(fails=fails), thread.start)
    thread.join()
    assert statuses in ([200], [503])


def test_an_address_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(UserError, match=f"port {port} of 127.0.0.1 is in use.*--port"):
            Bound("127.0.0.1", port)
        said = main(["serve", "--bench", "nothing", "--port", str(port)])
        assert said == 2


def test_an_address_that_another_process_opens_meanwhile() -> None:
    bound = Bound("127.0.0.1", 0)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", _port(bound)))
        other.listen()
        scorer = FakeScorer()
        ended: list[BaseException] = []
        service = Service(scorer.read, scorer.reward, IDENTITY, [], Limits(), ended.append)
        with pytest.raises(UserError, match="is in use"):
            bound.open(service, pytest.fail)
    bound.close()


@pytest.mark.parametrize("host", ["no.such.host.invalid", "192.0.2.1", "a" * 300, "::ffff:x"])
def test_a_host_that_is_not_this_machine(host: str) -> None:
    with pytest.raises(UserError, match=r"127\.0\.0\.1"):
        Bound(host, 0)


def test_which_addresses_only_this_machine_reaches() -> None:
    for host, loopback in {"127.0.0.1": True, "localhost": True, "0.0.0.0": False}.items():
        bound = Bound(host, 0)
        assert bound.loopback is loopback
        bound.close()
    if socket.has_ipv6:
        try:
            bound = Bound("::1", 0)
        except UserError:
            pytest.skip("this machine has no IPv6")
        assert bound.loopback
        assert bound.url.startswith("http://[::1]:")
        bound.close()


def _painted(left: str, right: str) -> str:
    """Two squares beside each other, as examples/squares paints them."""
    from coloured_squares import COLOURS

    image = Image.new("RGB", (64, 64), "white")
    image.paste(COLOURS[left], (4, 20, 20, 36))
    image.paste(COLOURS[right], (40, 20, 56, 36))
    file = io.BytesIO()
    image.save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def test_the_command_rewards_any_benchmark(
    plugin_package: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    urls: list[str] = []
    opened = Bound.open

    def spied(bound: Bound, *given: Any) -> Any:
        running = opened(bound, *given)
        urls.append(bound.url.replace("0.0.0.0", "127.0.0.1"))
        client.start()
        return running

    monkeypatch.setattr(Bound, "open", spied)

    def ask(path: str, value: Any = None) -> Any:
        body = None if value is None else json.dumps(value).encode()
        with urllib.request.urlopen(urls[0] + path, body) as reply:
            return json.loads(reply.read())

    answers: dict[str, Any] = {}
    (prompt,) = [
        one
        for one in plugins.given("benchmark", "squares").prompts("all")
        if (one.task, one.objects) == ("left", ("red square", "blue square"))
    ]

    def asking() -> None:
        try:
            answers["health"] = ask("/health")
            right, wrong = _painted(*prompt.objects), _painted(*reversed(prompt.objects))
            text = prompt.text
            images = [
                {"image": right, "prompt": text},
                {"image": wrong, "prompt_id": prompt.id},
                {"image": right, "prompt": f"{text}, 4k"},
            ]
            answers["own"] = ask("/v1/rewards", {"images": images})
            answers["compute"] = ask("/compute", {"prompt": [text] * 2, "image": [right, wrong]})
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    client = threading.Thread(target=asking)
    status = main(
        ["serve", "--bench", "squares", "--host", "0.0.0.0", "--port", "0", "--device", "cpu"]
    )
    client.join()
    streams = capsys.readouterr()
    assert status == 0
    assert "warning: 0.0.0.0 can be reached from other machines" in streams.err
    assert streams.out.count("\n") == 1
    assert streams.out.startswith("ready: http://0.0.0.0:")
    assert "squares-centre/1, colour-blobs@1" in streams.out
    assert answers["compute"] == {"rewards": [1.0, 0.0]}
    first, second, third = answers["own"]["rewards"]
    assert (first["verdict"], first["reward"], first["prompt_id"]) == (True, 1.0, prompt.id)
    assert (second["verdict"], second["reward"]) == (False, 0.0)
    assert "wrong side" in second["reason"]
    assert list(third) == ["error", "retry"]
    assert answers["own"]["identity"] == answers["health"]["identity"]
    assert "4 images were scored" in streams.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--bench", "nothing"], "unknown benchmark"),
        (["--bench", "squares", "--rule", "nothing"], "rule"),
        (["--bench", "squares", "--metadata", "no.jsonl"], "no.jsonl"),
        (["--bench", "squares", "--port", "70000"], "--port"),
        (["--bench", "squares", "--timeout", "0"], "--timeout"),
        (["--bench", "squares", "--host", "nowhere.invalid"], "--host nowhere.invalid"),
    ],
)
def test_wrong_words_are_told_before_anything_is_loaded(
    plugin_package: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    told: str,
) -> None:
    assert main(["serve", "--port", "0", *arguments]) == 2
    streams = capsys.readouterr()
    assert told in streams.err
    assert "Traceback" not in streams.err
    assert streams.out == ""
