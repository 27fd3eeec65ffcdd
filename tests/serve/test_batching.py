"""What waits is scored together, whoever asked; what fails, or nobody wants, harms no other."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import pytest

from spatialbench.serve.asked import Ready, Refused
from spatialbench.serve.image_queue import ImageQueue, Job, TryLater
from spatialbench.serve.limits import Limits

from .fakes import (
    PATIENCE,
    FakeScorer,
    Running,
    expected,
    flow_factory,
    flow_grpo,
    own,
    serving,
    verl_omni,
)

PATIENT = Limits(batch_size=4)


class _Asking:
    """Requests in threads of their own, with their replies."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._threads: list[threading.Thread] = []
        self.replies: list[tuple[int, Any]] = []

    def ask(self, path: str, body: bytes, waiting: int) -> None:
        """Send one, and wait until so many images are taken on."""
        place = len(self._threads)
        self.replies.append((0, None))

        def send() -> None:
            self.replies[place] = self._running.post(path, body)

        self._threads.append(threading.Thread(target=send))
        self._threads[-1].start()
        self._running.until(waiting)

    def join(self) -> list[tuple[int, Any]]:
        """All replies, in the order asked."""
        for thread in self._threads:
            thread.join()
        return self.replies


def test_what_waits_is_scored_together_across_requests() -> None:
    scorer = FakeScorer()
    with serving(scorer, PATIENT, go=False) as running:
        asking = _Asking(running)
        asking.ask("/", verl_omni("first", 1), waiting=1)
        scorer.started.wait()
        asking.ask("/", flow_grpo(["a", "b", "c"], [1, 2, 3]), waiting=4)
        asking.ask("/compute", flow_factory(["d", "e", "f"], [4, 5, 6]), waiting=7)
        asking.ask("/v1/rewards", own([{"level": 7, "prompt": "g"}]), waiting=8)
        scorer.go.set()
        replies = asking.join()
    # The first went alone at once; then whatever waited, a request's images split over batches.
    assert scorer.batches == [["first"], ["a", "b", "c", "d"], ["e", "f", "g"]]
    assert replies[1][1]["scores"] == [expected(*one) for one in (("a", 1), ("b", 2), ("c", 3))]
    assert replies[2][1]["rewards"] == [expected(*one) for one in (("d", 4), ("e", 5), ("f", 6))]
    assert replies[3][1]["rewards"][0]["reward"] == expected("g", 7)
    assert (running.service.scoring.images, running.service.scoring.batches) == (8, 3)


@pytest.mark.parametrize("batch_size", [1, 2, 3, 64])
def test_rewards_are_the_same_in_any_batches(batch_size: int) -> None:
    texts = [chr(97 + n) * n for n in range(1, 12)]
    with serving(FakeScorer(), Limits(batch_size=batch_size)) as running:
        status, value = running.post("/", flow_grpo(texts, range(11)))
    assert status == 200
    assert value["scores"] == list(map(expected, texts, range(11)))


def test_a_full_queue_says_when_to_come_again() -> None:
    scorer = FakeScorer()
    with serving(scorer, Limits(batch_size=4, queue=3, patience=0), go=False) as running:
        asking = _Asking(running)
        asking.ask("/", flow_grpo(["a", "b"], [1, 2]), waiting=2)
        busy = {
            "/": flow_grpo(["c", "d"], [1, 2]),
            "/compute": flow_factory(["c", "d"], [1, 2]),
            "/v1/rewards": own([{"level": 1, "prompt": "c"}] * 2),
        }
        for path, body in busy.items():
            status, content, headers = running.ask("POST", path, body)
            assert status == 503
            assert 1 <= int(headers["Retry-After"]) <= 60
            assert b"busy: 2 of 3" in content
            assert running.post(path, body)[1].keys() == {"error"}
        asking.ask("/", verl_omni("e", 5), waiting=3)
        scorer.go.set()
        replies = asking.join()
        assert [status for status, _ in replies] == [200, 200]
        running.until(0)
        assert running.post("/", busy["/"])[0] == 200


def test_more_images_than_there_can_be_room_for_are_refused_for_good() -> None:
    with serving(FakeScorer(), Limits(queue=3)) as running:
        status, value = running.post("/", flow_grpo(list("abcd"), [1] * 4))
        assert status == 400
        assert "--queue" in value["error"]
        status, value = running.post("/compute", flow_factory(list("abcd"), [1] * 4))
        assert status == 200
        assert list(value) == ["error"]


def test_a_request_waits_for_room_before_it_is_told_to_come_again() -> None:
    scorer = FakeScorer()
    with serving(scorer, Limits(queue=2, patience=PATIENCE), go=False) as running:
        asking = _Asking(running)
        asking.ask("/", flow_grpo(["a", "b"], [1, 2]), waiting=2)
        asking.ask("/compute", flow_factory(["c", "d"], [3, 4]), waiting=2)
        asking.ask("/", verl_omni("e", 5), waiting=2)
        while len(running.service.queue._tickets) < 2:
            threading.Event().wait(0.01)
        assert running.service.queue.taken == 2
        scorer.go.set()
        assert [status for status, _ in asking.join()] == [200] * 3
        assert asking.replies[1][1] == {"rewards": [expected("c", 3), expected("d", 4)]}


def test_room_is_given_in_the_order_of_asking() -> None:
    queue = ImageQueue(4)
    queue.reserve(3, 0)
    order = []

    def take(name: str, images: int) -> None:
        queue.reserve(images, PATIENCE)
        order.append(name)

    large = threading.Thread(target=take, args=("large", 4))
    large.start()
    while not queue._tickets:
        large.join(0.01)
    small = threading.Thread(target=take, args=("small", 1))
    small.start()
    while len(queue._tickets) < 2:
        small.join(0.01)
    with pytest.raises(TryLater):
        queue.reserve(1, 0)
    queue.release(3)
    large.join()
    assert order == ["large"]
    queue.release(4)
    small.join()
    assert order == ["large", "small"]


def _gone(running: Running, path: str, body: bytes, waiting: int) -> None:
    """A client that sends its request and is killed while it waits."""
    connection = http.client.HTTPConnection("127.0.0.1", running.port)
    connection.request("POST", path, body)
    running.until(waiting)
    assert isinstance(connection.sock, socket.socket)
    connection.close()


def test_the_images_of_killed_clients_are_never_scored() -> None:
    scorer = FakeScorer()
    with serving(scorer, PATIENT, go=False) as running:
        asking = _Asking(running)
        asking.ask("/", verl_omni("first", 1), waiting=1)
        scorer.started.wait()
        _gone(running, "/", flow_grpo(["x", "y", "z"], [1, 2, 3]), waiting=4)
        asking.ask("/", flow_grpo(["a", "b"], [1, 2]), waiting=6)
        _gone(running, "/compute", flow_factory(["x"] * 9, [1] * 9), waiting=15)
        asking.ask("/", verl_omni("c", 3), waiting=16)
        scorer.go.set()
        assert [status for status, _ in asking.join()] == [200] * 3
        running.until(0)
        scored = [text for batch in scorer.batches for text in batch]
        assert scored == ["first", "a", "b", "c"]


def _fail_at(text: str, error: Exception) -> Callable[[Sequence[Ready]], None]:
    def fails(batch: Sequence[Ready]) -> None:
        if any(ready.prompt.text == text for ready in batch):
            raise error

    return fails


def test_an_image_at_which_the_model_fails_spoils_no_other() -> None:
    scorer = FakeScorer(fails=_fail_at("bad", ValueError("it stumbles")))
    with serving(scorer, PATIENT, go=False) as running:
        asking = _Asking(running)
        asking.ask("/", verl_omni("first", 1), waiting=1)
        scorer.started.wait()
        asking.ask("/", flow_grpo(["a", "b"], [1, 2]), waiting=3)
        asking.ask("/", flow_grpo(["bad", "c"], [1, 2]), waiting=5)
        scorer.go.set()
        replies = asking.join()
        assert [status for status, _ in replies] == [200, 200, 400]
        assert replies[2][1] == {
            "error": "image 1 of 2: the image cannot be scored: ValueError: it stumbles"
        }
        own_reply = running.post(
            "/v1/rewards", own([{"level": 1, "prompt": p} for p in ("bad", "d")])
        )
        assert own_reply[1]["rewards"][0]["retry"] is False
        assert own_reply[1]["rewards"][1]["reward"] == expected("d", 1)
        assert running.ended == []


def test_memory_that_runs_out_halves_the_batch() -> None:
    def fails(batch: Sequence[Ready]) -> None:
        if len(batch) > 2:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")

    scorer = FakeScorer(fails=fails)
    with serving(scorer, Limits(batch_size=8)) as running:
        status, value = running.post("/", flow_grpo(list("abcdefgh"), [1] * 8))
        assert (status, len(value["scores"])) == (200, 8)
        assert max(map(len, scorer.batches)) == 2


def test_memory_that_one_image_does_not_have_may_be_there_later() -> None:
    error = MemoryError()
    scorer = FakeScorer(fails=_fail_at("large", error))
    with serving(scorer) as running:
        status, content, headers = running.ask("POST", "/", flow_grpo(["a", "large"], [1, 2]))
        assert status == 503
        assert int(headers["Retry-After"]) >= 1
        assert b"image 2 of 2: the server is out of memory" in content
        assert running.ask("POST", "/compute", flow_factory(["large"], [1]))[0] == 503
        entries = running.post("/v1/rewards", own([{"level": 1, "prompt": "large"}]))[1]["rewards"]
        assert entries[0]["retry"] is True
        assert running.post("/", verl_omni("a", 1))[0] == 200


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("CUDA error: device-side assert triggered"),
        RuntimeError("CUDA error: an illegal memory access was encountered"),
        SystemExit(3),
    ],
    ids=lambda error: str(error),
)
def test_a_lost_device_ends_the_server_and_everybody_is_told(error: BaseException) -> None:
    def fails(batch: Sequence[Ready]) -> None:
        raise error

    scorer = FakeScorer(fails=fails)
    with serving(scorer, Limits(batch_size=1), go=False) as running:
        asking = _Asking(running)
        asking.ask("/", verl_omni("first", 1), waiting=1)
        asking.ask("/", flow_grpo(["a", "b"], [1, 2]), waiting=3)
        asking.ask("/compute", flow_factory(["c"], [1]), waiting=4)
        scorer.go.set()
        replies = asking.join()
        assert [status for status, _ in replies] == [503] * 3
        assert all("the server is ending" in value["error"] for _, value in replies)
        # Its clients are told first, and whoever runs it afterwards.
        running.service.scoring.join()
        assert running.ended == [error]
        assert running.post("/", verl_omni("late", 1))[0] == 503


def test_another_number_of_rewards_than_images_is_an_error() -> None:
    class Short(FakeScorer):
        def reward(self, batch: Sequence[Ready], rules: Sequence[str]) -> list[Any]:
            return super().reward(batch, rules)[:-1]

    with serving(Short()) as running:
        status, value = running.post("/", flow_grpo(["a", "b"], [1, 2]))
        assert status == 400
        assert "1 images were given and 0 came back" in value["error"]


def test_what_is_in_hand_is_answered_when_the_server_ends() -> None:
    scorer = FakeScorer()
    with serving(scorer, PATIENT, go=False) as running:
        asking = _Asking(running)
        asking.ask("/", flow_grpo(list("abcdefgh"), [1] * 8), waiting=8)
        idle = socket.create_connection(("127.0.0.1", running.port))
        idle.sendall(b"POST / HTTP/1.1\r\nContent-Le")
    # Leaving the block ended the server, with a request in hand and another half sent.
    assert [status for status, _ in asking.join()] == [200]
    idle.settimeout(PATIENCE)
    with suppress(ConnectionResetError):
        while piece := idle.recv(1 << 16):
            assert not piece.startswith(b"HTTP/1.1 200")
    idle.close()
    # Asked of the socket: the port may be another process's by now.
    assert running.server.socket.fileno() == -1


def test_a_closed_queue_takes_nothing_and_gives_what_it_has() -> None:
    queue = ImageQueue(4)
    queue.reserve(2, 0)
    job = Job([Any, Any])  # type: ignore[list-item]
    queue.put(job)
    queue.close("ending")
    with pytest.raises(TryLater, match="ending"):
        queue.reserve(1, 60)
    with pytest.raises(TryLater, match="ending"):
        queue.put(job)
    assert queue.take(1) == [(job, 0)]
    assert queue.take(9) == [(job, 1)]
    assert queue.take(1) == []
    queue.answered(job, 0, Refused("a"))
    assert not job.wait(0)
    queue.answered(job, 1, Refused("b"))
    assert job.wait(0)
    assert queue.taken == 0
