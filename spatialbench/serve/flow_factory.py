"""Flow-Factory's remote reward: JSON to ``/compute``, prompts as text.

Its client takes any status from 400 on for a lost connection, tries three times without waiting,
and forgets what it was told: what will never work is answered with status 200 and an ``error``,
which it raises at once.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, cast

from .asked import Asked, Refused, Reward
from .image_queue import Answer
from .protocol import Protocol, Question, from_base64, parsed

_NOT_LOOKED_AT = ("video", "condition_images", "condition_videos")


class FlowFactory(Protocol):
    """``{"prompt": [text], "image": [base64]}`` in, ``{"rewards": [number]}`` out."""

    path = "/compute"
    kind = "application/json"
    formats = ("PNG", "JPEG", "WEBP")
    refused_status = 200
    too_large_status = 200

    def read(self, content: bytes) -> Question:
        """See ``Protocol.read``."""
        request = parsed(content)
        if not isinstance(request, dict):
            raise Refused("the body has to be a JSON object with 'prompt' and 'image'")
        prompts, images = request.get("prompt"), request.get("image")
        if not isinstance(prompts, list) or not isinstance(images, list):
            raise Refused("'prompt' and 'image' have to be lists: one prompt and image per sample")
        if len(prompts) != len(images):
            raise Refused(f"{len(prompts)} prompts and {len(images)} images: one each is needed")
        if not images:
            raise Refused("no images were sent: 'image' is empty")
        for name in _NOT_LOOKED_AT:
            if _holds_something(request.get(name)):
                raise Refused(f"'{name}' was sent, and only single images are rewarded")
        asked = []
        for place, (prompt, image) in enumerate(zip(prompts, images, strict=True)):
            if not isinstance(prompt, str):
                raise Refused(f"prompt {place + 1} is {prompt!r:.40}: expected text")
            try:
                asked.append(Asked(from_base64(image), text=prompt))
            except Refused as error:
                raise Refused(f"image {place + 1} of {len(images)}: {error}") from error
        return Question(asked, _rewards)

    def error(self, message: str) -> bytes:
        """See ``Protocol.error``."""
        return json.dumps({"error": message}).encode()


def _holds_something(value: Any) -> bool:
    return any(map(_holds_something, value)) if isinstance(value, list) else value is not None


def _rewards(answers: Sequence[Answer]) -> bytes:
    rewards = cast(Sequence[Reward], answers)
    return json.dumps({"rewards": [float(one.reward) for one in rewards]}).encode()
