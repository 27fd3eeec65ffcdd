"""This server's own protocol: JSON to ``/v1/rewards``, for the prompts of any benchmark.

Every image has an answer of its own: a reward with its verdict and reason, or an error. An error
has no field ``reward``, so that nothing reads it as one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..files.documents import first_error
from .asked import Asked, Refused, Reward
from .image_queue import Answer, TryLater
from .protocol import Protocol, Question, from_base64, parsed


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class AskedImage(_Form):
    """An image and what tells its prompt: one of prompt_id, metadata and prompt."""

    image: str = Field(description="A PNG, JPEG or WEBP file in base64.")
    prompt_id: str | int | None = Field(None, description="The benchmark's id of the prompt.")
    metadata: dict[str, Any] | None = Field(
        None, description="The prompt's line of the benchmark's official file."
    )
    prompt: str | None = Field(None, description="The prompt's text, letter by letter.")


class RewardRequest(_Form):
    """The body of a POST to /v1/rewards."""

    images: list[AskedImage] = Field(min_length=1)


class RewardedImage(_Form):
    """What is answered about one image."""

    prompt_id: str
    verdict: bool = Field(description="Whether the image shows what its prompt asks for.")
    reason: str = Field(description="Why, in a sentence.")
    score: float = Field(description="The rule's own number.")
    reward: float = Field(description="What to train on: the score.")


class FailedImage(_Form):
    """Why one image has no reward."""

    error: str
    retry: bool = Field(description="Whether the same image may have a reward later.")


class RewardReply(_Form):
    """The body of a reply with status 200: one entry per image, in the order sent."""

    identity: dict[str, Any] = Field(description="Benchmark, rule, detector: what decides rewards.")
    rewards: list[RewardedImage | FailedImage]


class ErrorReply(_Form):
    """The body of any other reply."""

    error: str


class OwnJson(Protocol):
    """``{"images": [{image, prompt_id | metadata | prompt}]}`` in, one entry per image out.

    Args:
        identity: stands in every reply.
    """

    path = "/v1/rewards"
    kind = "application/json"
    formats = ("PNG", "JPEG", "WEBP")

    def __init__(self, identity: Mapping[str, Any]) -> None:
        self._identity = dict(identity)

    def read(self, content: bytes) -> Question:
        """See ``Protocol.read``."""
        request = parsed(content)
        if not isinstance(request, dict) or request.keys() != {"images"}:
            raise Refused("the body has to be a JSON object with 'images' and nothing else")
        images = request["images"]
        if not isinstance(images, list) or not images:
            raise Refused("'images' has to be a list with at least one image")
        return Question([_asked(one) for one in images], self._reply, whole=False)

    def error(self, message: str) -> bytes:
        """See ``Protocol.error``."""
        return _written(ErrorReply(error=message).model_dump())

    def _reply(self, answers: Sequence[Answer]) -> bytes:
        entries = [_entry(answer).model_dump() for answer in answers]
        return _written({"identity": self._identity, "rewards": entries})


def _asked(one: Any) -> Asked | Refused:
    try:
        read = AskedImage.model_validate(one)
        given = [read.prompt_id, read.metadata, read.prompt]
        if all(value is None for value in given):
            raise Refused("one of prompt_id, metadata and prompt is needed")
        prompt_id = None if read.prompt_id is None else str(read.prompt_id)
        return Asked(from_base64(read.image), read.metadata, prompt_id, read.prompt)
    except ValidationError as error:
        return Refused(first_error(error))
    except Refused as error:
        return error


def _entry(answer: Answer) -> RewardedImage | FailedImage:
    if isinstance(answer, Reward):
        verdict = answer.verdict
        return RewardedImage(
            prompt_id=answer.prompt_id,
            verdict=bool(verdict.correct),
            reason=verdict.reason,
            score=float(verdict.score),
            reward=float(answer.reward),
        )
    return FailedImage(error=str(answer), retry=isinstance(answer, TryLater))


def _written(value: Mapping[str, Any]) -> bytes:
    # NaN is no JSON, and would be somebody's reward.
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
