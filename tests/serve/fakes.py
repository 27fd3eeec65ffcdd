"""A scorer without a model, a server around it, and clients that play trainers."""

from __future__ import annotations

import base64
import http.client
import io
import json
import pickle
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from PIL import Image

from spatialbench.files.images import UnreadableImage, read_rgb
from spatialbench.plugins import Verdict
from spatialbench.prompts import Prompt
from spatialbench.serve import bounded_request
from spatialbench.serve.asked import Asked, Ready, Refused, Reward
from spatialbench.serve.flow_factory import FlowFactory
from spatialbench.serve.http_server import RewardServer
from spatialbench.serve.image_queue import Answer, Job
from spatialbench.serve.limits import Limits
from spatialbench.serve.own_json import OwnJson
from spatialbench.serve.pickled import Pickled
from spatialbench.serve.service import Service
from spatialbench.serve.serving import Bound, Scorer

IDENTITY = {"benchmark": "levels", "rule": "level/1", "detector": "none@1"}
UNKNOWN = "nobody knows this prompt"
UNJUDGED = "no rule judges this prompt"
RULES = ("level/1", "strict/1")
PATIENCE = 600.0
"""Seconds after which what does not come counts as never coming; nothing waits so long."""


@dataclass
class FakeScorer:
    """Rewards an image by its red level plus the length of its prompt.

    Attributes:
        go: scoring waits for it.
        fails: raises for a batch.
    """

    go: threading.Event = field(default_factory=threading.Event)
    started: threading.Event = field(default_factory=threading.Event)
    fails: Callable[[Sequence[Ready]], None] = lambda batch: None
    score: Callable[[float], float] = float
    batches: list[list[str]] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)

    def load(self) -> None:
        """Nothing to load."""
        self.go.set()

    def identity(self) -> dict[str, Any]:
        """Of nothing."""
        return dict(IDENTITY)

    def read(self, asked: Asked) -> Ready:
        """Any text is a prompt, except one."""
        text = asked.text
        if asked.metadata is not None:
            text = asked.metadata.get("prompt")
        text = text or asked.prompt_id
        if text is None or text == UNKNOWN:
            raise Refused(f"unknown prompt {text!r}")
        try:
            image = read_rgb(asked.image, ("PNG", "JPEG", "WEBP"))
        except UnreadableImage as error:
            raise Refused(str(error)) from error
        return Ready(Prompt(text, text, "level"), image)

    def reward(self, batch: Sequence[Ready], rules: Sequence[str]) -> list[Reward | Refused]:
        """See ``expected``."""
        self.started.set()
        self.go.wait()
        self.fails(batch)
        self.batches.append([ready.prompt.text for ready in batch])
        return [self._reward(ready, rules) for ready in batch]

    def _reward(self, ready: Ready, rules: Sequence[str]) -> Reward | Refused:
        if ready.prompt.text in (UNJUDGED, f"not by {'+'.join(rules)}"):
            return Refused("no rule judges it")
        pixel: Any = ready.image.getpixel((0, 0))
        score = self.score(expected(ready.prompt.text, pixel[0]))
        verdict = Verdict(score > 1, score, f"level {pixel[0]}")
        return Reward(ready.prompt.id, verdict, score, dict.fromkeys(rules, verdict), "level")


def expected(text: str, level: int) -> float:
    """The reward of an image of one level of red."""
    return len(text) + level / 256


def fields(rewards: Sequence[Reward], only_strict: bool) -> dict[str, Any]:
    """A reply to Flow-GRPO."""
    return {"scores": [one.reward for one in rewards], "only_strict": only_strict}


@dataclass
class Running:
    """A server in this process; the sum of ``queued`` is how many images stand in line."""

    server: RewardServer
    service: Service
    lines: list[str]
    ended: list[BaseException]
    queued: list[int] = field(default_factory=list)

    @property
    def port(self) -> int:
        """Of 127.0.0.1."""
        return int(self.server.server_address[1])

    def until(self, taken: int) -> None:
        """Wait until so many images are taken on, and stand in line or are being scored.

        Room is taken before images are decoded: what is taken on may not stand in line yet, and
        what was sent later may be faster.
        """
        while not self.service.queue.taken == sum(self.queued) == taken:
            threading.Event().wait(0.01)

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, bytes, http.client.HTTPMessage]:
        """Status, body and headers of a reply."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, dict(headers or {}))
            reply = connection.getresponse()
            return reply.status, reply.read(), reply.headers
        finally:
            connection.close()

    def post(self, path: str, body: bytes) -> tuple[int, Any]:
        """Status and value of a reply to one of the protocols."""
        status, content, _ = self.ask("POST", path, body)
        return status, pickle.loads(content) if path == "/" else json.loads(content)


@contextmanager
def serving(scorer: FakeScorer, limits: Limits | None = None, go: bool = True) -> Iterator[Running]:
    """A server of the fake; scoring waits for ``scorer.go`` where ``go`` is false."""
    if go:
        scorer.go.set()
    pickled = Pickled(RULES, fields)
    with opened(scorer, pickled, limits or Limits()) as running:
        try:
            yield running
        finally:
            scorer.go.set()


@contextmanager
def opened(scorer: Scorer, pickled: Pickled, limits: Limits) -> Iterator[Running]:
    """A server that answers on a free port."""
    bound = Bound("127.0.0.1", 0)
    lines: list[str] = []
    ended: list[BaseException] = []
    identity = scorer.identity()
    protocols = [pickled, FlowFactory(), OwnJson(identity)]
    service = Service(scorer.read, scorer.reward, identity, protocols, limits, ended.append)
    running = Running(bound.server, service, lines, ended)
    queue = service.queue
    put, answered = queue.put, queue.answered

    def note_put(job: Job) -> None:
        put(job)
        running.queued.append(len(job.images))

    def note_answered(job: Job, place: int, answer: Answer) -> None:
        answered(job, place, answer)
        running.queued.append(-1)

    with (
        patch.object(queue, "put", note_put),
        patch.object(queue, "answered", note_answered),
        # However slow a client of a test is, it gets to read why it was refused.
        patch.object(bounded_request, "_LINGER", PATIENCE),
    ):
        opened = bound.open(service, lines.append)
        try:
            yield running
        finally:
            opened.end()


def picture(level: int, form: str = "JPEG", size: tuple[int, int] = (16, 16)) -> bytes:
    """The file of an image of one grey level, which JPEG keeps exactly."""
    file = io.BytesIO()
    Image.new("RGB", size, (level, level, level)).save(
        file, form, **({"lossless": True} if form == "WEBP" else {})
    )
    return file.getvalue()


def flow_grpo(texts: Sequence[str], levels: Sequence[int], only_strict: bool = True) -> bytes:
    """A request as Flow-GRPO pickles it."""
    request = {
        "images": [picture(level) for level in levels],
        "meta_datas": [{"prompt": text} for text in texts],
        "only_strict": only_strict,
    }
    return pickle.dumps(request)


def verl_omni(text: str, level: int) -> bytes:
    """A request as verl-omni pickles it."""
    return pickle.dumps({"images": [picture(level)], "prompts": [text], "metadata": {}})


def flow_factory(texts: Sequence[str], levels: Sequence[int]) -> bytes:
    """A request as Flow-Factory writes it."""
    images = [base64.b64encode(picture(level, "PNG")).decode() for level in levels]
    nothing = dict.fromkeys(("video", "condition_images", "condition_videos"))
    return json.dumps({"prompt": list(texts), "image": images, **nothing}).encode()


def own(entries: Sequence[Mapping[str, Any]]) -> bytes:
    """A request in JSON of the server's own; an entry's ``level`` becomes its image."""
    images = [
        {"image": base64.b64encode(picture(entry["level"], "WEBP")).decode()}
        | {name: value for name, value in entry.items() if name != "level"}
        for entry in entries
    ]
    return json.dumps({"images": images}).encode()
