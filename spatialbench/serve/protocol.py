"""What the protocols share: a request's body in, a question about images; answers in, a reply."""

from __future__ import annotations

import base64
import binascii
import io
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..files.documents import parse_json
from .asked import Asked, Refused, Reward
from .image_queue import Answer, TryLater

MOST_JSON_VALUES = 250_000
"""Values, roughly, in a JSON body; each takes far more memory than its two bytes there."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A status with a body of some type; ``remark`` is what the server's own output says of it."""

    status: int
    content: bytes
    kind: str
    headers: tuple[tuple[str, str], ...] = ()
    remark: str | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """What a request asks.

    Attributes:
        asked: its images in order; a Refused where the request already says too little of one.
        reply: the reply's body, of one answer per image.
        rules: names of further rules by which each image is judged.
        whole: whether one image without a reward fails the request; else ``reply`` tells of it.
        remark: what is odd about the request, for the server's own output.
    """

    asked: Sequence[Asked | Refused]
    reply: Callable[[Sequence[Answer]], bytes]
    rules: tuple[str, ...] = ()
    whole: bool = True
    remark: str | None = None


class Protocol(ABC):
    """One way in which clients ask: where, in what form, and how they have to be told of errors."""

    path: str
    kind: str
    """The Content-Type of its replies."""
    formats: tuple[str, ...]
    """Pillow's names of the image formats that its clients send."""
    refused_status = 400
    """The status of what will never work."""
    too_large_status = 413

    @abstractmethod
    def read(self, content: bytes) -> Question:
        """What a body asks. Raises Refused for what is no request of this protocol."""

    @abstractmethod
    def error(self, message: str) -> bytes:
        """The body that tells of an error."""

    def reply(self, question: Question, answers: Sequence[Answer]) -> Reply:
        """The reply to a request whose images all have an answer."""
        if question.whole:
            for place, answer in enumerate(answers):
                if isinstance(answer, Reward):
                    continue
                told = at_place(place, len(answers), str(answer))
                if isinstance(answer, TryLater):
                    return self.later(TryLater(told, answer.seconds))
                return self.refusal(told)
        return Reply(200, question.reply(answers), self.kind, remark=question.remark)

    def refusal(self, message: str, status: int | None = None) -> Reply:
        """The reply to what will never work, however often it is sent."""
        shown = status or self.refused_status
        return Reply(shown, self.error(message), self.kind, remark=message)

    def later(self, error: TryLater) -> Reply:
        """The reply to what is worth another try."""
        wait = (("Retry-After", str(error.seconds)),)
        return Reply(503, self.error(str(error)), self.kind, wait, remark=str(error))


def at_place(place: int, images: int, message: str) -> str:
    """A message about one image of a request, with which one it is about."""
    return f"image {place + 1} of {images}: {message}" if images > 1 else message


def parsed(content: bytes) -> Any:
    """The value of a JSON body, in memory that is bounded by its size.

    Raises:
        Refused: no JSON, or more values than any request has.
    """
    if sum(content.count(sign) for sign in (b"[", b"{", b",", b":")) > MOST_JSON_VALUES:
        raise Refused(f"the JSON has more than {MOST_JSON_VALUES:,} values")
    try:
        return parse_json(content)
    except ValueError as error:
        raise Refused(f"the body is no JSON: {error}") from error


def from_base64(text: Any) -> bytes:
    """The bytes of an image in base64, which may be a ``data:`` URL.

    Raises:
        Refused: something else.
    """
    if not isinstance(text, str):
        raise Refused(f"an image has to be base64 text, and this is {type(text).__name__}")
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refused(f"the image is no base64: {error}") from error


def require_small(content: bytes, formats: tuple[str, ...], pixels: int) -> None:
    """Look at an image's header, before anything of it is decoded.

    Args:
        content: the file's bytes.
        formats: Pillow's names of what is accepted.
        pixels: how many an image may have.

    Raises:
        Refused: another format, no image, or more pixels.
    """
    from PIL import Image

    kinds = " or ".join(formats)
    size = "far more"
    try:
        with Image.open(io.BytesIO(content), formats=formats) as image:
            width, height = image.size
        if width * height <= pixels:
            return
        size = f"{width:,} x {height:,}"
    except Image.DecompressionBombError:
        pass  # So many that Pillow itself refuses.
    except Exception as error:  # Pillow raises whatever the bytes make it stumble over.
        raise Refused(f"the image is no {kinds} file that can be read") from error
    raise Refused(
        f"the image has {size} pixels, and at most {pixels:,} are decoded: send smaller images, "
        "or start the server with a larger --max-pixels"
    )
