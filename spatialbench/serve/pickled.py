"""The two protocols that send pickles to ``/``: Flow-GRPO's and verl-omni's, told apart by keys.

Neither client has a Content-Type that says which it is. Both read a pickled dictionary, and both
take ``{"error": ...}`` with a status of 400 for what it is; Flow-GRPO's tries 500 again for a day.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from .asked import Asked, Refused, Reward
from .image_queue import Answer
from .pickled_names import NotPlain
from .plain_pickle import load
from .protocol import Protocol, Question

PICKLE_PROTOCOL = 4
"""Of replies: what the official servers' Python writes, and what every client reads."""

Fields = Callable[[Sequence[Reward], bool], Mapping[str, Any]]
"""The fields of a reply to Flow-GRPO, of rewards and ``only_strict``."""


class Pickled(Protocol):
    """Flow-GRPO: ``images``, ``meta_datas``, ``only_strict``. verl-omni: ``images``, ``prompts``.

    Args:
        rules: the rules that Flow-GRPO's reply is made of; see ``five_fields.rules_of_fields``.
        fields: makes it; see ``five_fields.five_fields``.
    """

    path = "/"
    kind = "application/octet-stream"
    formats = ("JPEG",)

    def __init__(self, rules: tuple[str, ...], fields: Fields) -> None:
        self._rules = rules
        self._fields = fields

    def read(self, content: bytes) -> Question:
        """See ``Protocol.read``."""
        try:
            request = load(content)
        except NotPlain as error:
            raise Refused(str(error)) from error
        if not isinstance(request, dict):
            raise Refused(f"the pickle holds no dict but {type(request).__name__}")
        if "error" in request:
            raise Refused("the pickle is a reply and no request")
        if "meta_datas" in request:
            return self._flow_grpo(request)
        if "prompts" in request:
            return self._verl_omni(request)
        raise Refused(
            "the pickled dict has neither 'meta_datas' (Flow-GRPO) nor 'prompts' (verl-omni); its "
            f"keys: {', '.join(map(str, request)) or 'none'}"
        )

    def error(self, message: str) -> bytes:
        """See ``Protocol.error``."""
        return _pickled({"error": message})

    def _flow_grpo(self, request: dict[Any, Any]) -> Question:
        images = _images(request)
        metadata = request["meta_datas"]
        if not isinstance(metadata, list | tuple):
            raise Refused("'meta_datas' has to be a list with one metadata line per image")
        if not metadata:
            raise Refused("'meta_datas' is empty: one metadata line per image is needed")
        # As its own server does, whose reply is then as long as the shorter of the two.
        pairs = list(zip(images, metadata, strict=False))
        remark = None
        if len(metadata) != len(images):
            remark = (
                f"{len(images)} images with {len(metadata)} metadata lines: the reply is about the "
                f"first {len(pairs)}"
            )
        for place, line in enumerate(metadata):
            if not isinstance(line, dict):
                raise Refused(f"line {place + 1} of 'meta_datas' is no dict")
        if "only_strict" not in request:
            raise Refused("the pickled dict has no 'only_strict': True or False is needed")
        only_strict = request["only_strict"]
        if not isinstance(only_strict, bool | int | None):
            raise Refused(f"'only_strict' is {only_strict!r:.40}: expected True or False")
        asked = [Asked(image, metadata=line) for image, line in pairs]

        def reply(answers: Sequence[Answer]) -> bytes:
            rewards = cast(Sequence[Reward], answers)
            return _pickled(dict(self._fields(rewards, bool(only_strict))))

        return Question(asked, reply, self._rules, remark=remark)

    def _verl_omni(self, request: dict[Any, Any]) -> Question:
        images = _images(request)
        prompts = request["prompts"]
        if not isinstance(prompts, list | tuple) or len(prompts) != len(images):
            raise Refused("'prompts' has to be a list with one prompt per image")
        for place, prompt in enumerate(prompts):
            if not isinstance(prompt, str):
                raise Refused(f"prompt {place + 1} is {prompt!r:.40}: expected text")
        asked = [Asked(image, text=prompt) for image, prompt in zip(images, prompts, strict=True)]
        return Question(asked, _scores)


def _images(request: Mapping[Any, Any]) -> Sequence[bytes]:
    images = request.get("images")
    if not isinstance(images, list | tuple):
        raise Refused("'images' has to be a list of JPEG files as bytes")
    if not images:
        raise Refused("no images were sent: 'images' is empty")
    for place, image in enumerate(images):
        if not isinstance(image, bytes):
            raise Refused(f"image {place + 1} is not bytes but {type(image).__name__}")
    return images


def _scores(answers: Sequence[Answer]) -> bytes:
    rewards = cast(Sequence[Reward], answers)
    return _pickled({"scores": [float(one.reward) for one in rewards]})


def _pickled(value: dict[str, Any]) -> bytes:
    return pickle.dumps(value, protocol=PICKLE_PROTOCOL)
