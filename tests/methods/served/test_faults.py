"""How long to wait, and what an answer without an image means."""

from __future__ import annotations

import email.utils
import json

import pytest

from spatialbench.errors import UserError
from spatialbench.methods.served.faults import Answer, Fault, Refusal, failure, retry_after, told
from spatialbench.methods.served.manner import own_wait
from spatialbench.methods.served.seeds import compared
from tests.methods.served.servers import PAGE, drawn

NOW = 1_800_000_000.0


def answer(status: int, content: object = None, **headers: str) -> Answer:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return Answer(status, {name.replace("_", "-"): text for name, text in headers.items()}, body)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after": email.utils.formatdate(NOW + 90, usegmt=True)}, 90.0),
        ({"retry-after": email.utils.formatdate(NOW - 90, usegmt=True)}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "-3"}, None),
        ({}, None),
    ],
)
def test_waits_that_servers_ask_for(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, NOW) == seconds


def test_own_waits_double_up_to_eight_seconds() -> None:
    for attempt, most in enumerate((0.5, 1, 2, 4, 8, 8, 8), 1):
        waits = [own_wait(attempt) for _ in range(50)]
        assert all(0.75 * most <= wait <= most for wait in waits)
        assert len(set(waits)) > 1


@pytest.mark.parametrize(
    ("given", "again"),
    [
        (answer(408), True),
        (answer(409), True),
        (answer(429), True),
        (answer(500), True),
        (answer(529), True),
        (answer(400), False),
        (answer(422), False),
        (answer(400, x_should_retry="true"), True),
        (answer(503, x_should_retry="false"), False),
    ],
)
def test_which_faults_are_tried_again(given: Answer, again: bool) -> None:
    found = failure(given, "the server", NOW)
    assert isinstance(found, Fault)
    assert found.again is again


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"error": {"message": "m", "type": "t"}}, "m"),
        ({"detail": "m"}, "m"),
        ({"object": "error", "message": "m"}, "m"),
        ({"error": "m"}, "m"),
        ({"detail": [{"loc": ["body", "size"], "msg": "m"}]}, "size: m"),
        (b"m\n  n", "m n"),
        (PAGE, "a web page"),
        (b"x" * 1000, "x" * 200 + "..."),
        ([1], "[1]"),
    ],
)
def test_messages_of_every_form(content: object, message: str) -> None:
    assert told(answer(500, content)).message == message


@pytest.mark.parametrize(
    "content",
    [
        {"error": {"message": "no", "type": "content_policy_violation"}},
        {"error": {"message": "no", "code": "content_filter"}},
        {"error": "flagged by the NSFW filter"},
    ],
)
def test_refusals(content: object) -> None:
    assert isinstance(failure(answer(400, content), "the server", NOW), Refusal)
    # A server that is down is not one that refuses.
    assert isinstance(failure(answer(503, content), "the server", NOW), Fault)


def test_what_ends_the_run() -> None:
    for given in (answer(401), answer(403), answer(404), answer(402), answer(302)):
        assert isinstance(failure(given, "the server", NOW), UserError)
    late = answer(429, retry_after="121")
    assert isinstance(failure(late, "the server", NOW), UserError)
    assert isinstance(failure(answer(429, retry_after="120"), "the server", NOW), Fault)


def test_seeds_are_judged_by_three_images() -> None:
    one, other = drawn("a", 1), drawn("a", 2)
    assert compared(one, one, other)[0] == "honoured"
    assert compared(one, one, one)[0] == "ignored"
    assert compared(one, other, drawn("a", 3))[0] == "ignored"
    nearly = one.point([min(level + 1, 255) for level in range(256)] * 3)
    word, why = compared(one, nearly, other)
    assert (word, why) == ("honoured", "one seed gave images alike to 1 of 255, but not the same")
