"""A server with OpenAI's chat API that answers as it is told, and fails where it is told to."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from math import log
from typing import Any

from tests.methods.served.servers import Asked, Reply

Shares = Mapping[str, float]


def question_of(asked: Asked) -> str:
    """The text of a request for an answer."""
    (message,) = asked.content["messages"]
    image, text = message["content"]
    assert (image["type"], text["type"]) == ("image_url", "text")
    return str(text["text"])


def image_of(asked: Asked) -> bytes:
    """The file of its image."""
    url = asked.content["messages"][0]["content"][0]["image_url"]["url"]
    start, _, data = url.partition(",")
    assert start == "data:image/png;base64"
    return base64.b64decode(data)


def completion(shares: Shares, **others: Any) -> Reply:
    """A whole answer that lists these tokens."""
    listed = [{"token": word, "logprob": log(p), "bytes": None} for word, p in shares.items()]
    first = {**listed[0], "top_logprobs": listed}
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": first["token"]},
        "finish_reason": "length",
        "logprobs": {"content": [first]},
        **others,
    }
    return Reply({"object": "chat.completion", "choices": [choice]})


def by_hash(asked: Asked) -> Shares:
    """Some probability for each image and question: of yes, no, numbers, and little else."""
    digest = hashlib.sha256(image_of(asked) + question_of(asked).encode()).digest()
    yes = (1 + digest[0]) / 300
    words = ("two", "three") if question_of(asked).startswith("How many") else ("Yes", "No")
    return {words[0]: yes, words[1]: 0.99 - yes, "the": 1e-9}


def chat(
    answer: Callable[[Asked], Shares] = by_hash,
    fault: Callable[[Asked], Reply | None] = lambda asked: None,
) -> Callable[[Asked], Reply]:
    """What ``serving`` takes; ``fault`` is asked first about every question."""

    def reply(asked: Asked) -> Reply:
        if asked.method == "GET":
            return Reply({"object": "list", "data": [{"id": "some/model", "owned_by": "vllm"}]})
        assert asked.path == "/v1/chat/completions"
        content = asked.content
        assert (content["max_tokens"], content["temperature"]) == (1, 0)
        assert (content["logprobs"], content["model"]) == (True, "some/model")
        return fault(asked) or completion(answer(asked))

    return reply
