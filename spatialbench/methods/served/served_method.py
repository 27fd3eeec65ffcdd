"""A method whose images a server makes: at the same time, again after faults, kept as they come."""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...plugins import ImageRequest, Method, NoImage
from .course import Course
from .manner import Manner
from .seeds import compared
from .trying import InVain, side_by_side, tried

if TYPE_CHECKING:
    from PIL import Image

VERSION = 1
"""Raised whenever the same settings would be sent in another way."""

PROBE = "a photo of a cat and a dog"
"""The prompt of the images that tell whether seeds are heeded."""


class ServedMethod(Method):
    """What all servers have in common. Picklable; the key is never part of it."""

    def __init__(self, manner: Manner) -> None:
        self.manner = manner
        self._course: Course | None = None
        self._works: bool | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Without what this process has counted, which another one begins anew."""
        return {**self.__dict__, "_course": None}

    @property
    def one_by_one(self) -> bool:
        """Yes: one request is one image."""
        return True

    @property
    def served(self) -> bool:
        """Yes."""
        return True

    @property
    def at_once(self) -> int:
        """The parameter ``concurrency``."""
        return self.manner.concurrency

    @property
    @abstractmethod
    def address(self) -> str:
        """Where the images are made, for people: a host, or a provider's name."""

    @abstractmethod
    def answer(self, text: str, seed: int, attempt: int) -> Image.Image:
        """Have one RGB image made.

        Args:
            attempt: 0 for the first time this image is asked for.

        Raises:
            Refusal: the server makes none of this prompt.
            Fault: there is none this time.
            UserError: there is no image for any prompt.
        """

    @property
    def sends_seed(self) -> bool:
        """Whether a seed is sent at all."""
        return True

    def facts(self) -> Mapping[str, str]:
        """What else the server tells of itself, such as its version."""
        return {}

    def load(self) -> None:
        """Begin anew to count what fails; there is no model here."""
        self._course = Course(self._works)

    def generate(self, requests: Sequence[ImageRequest]) -> list[Image.Image | NoImage]:
        """The images in the order of the requests."""
        found = dict(self.stream(requests))
        return [found[place] for place in range(len(requests))]

    def stream(
        self, requests: Sequence[ImageRequest]
    ) -> Iterator[tuple[int, Image.Image | NoImage]]:
        """Each image as soon as it is there, ``concurrency`` requests at the same time.

        Raises:
            UserError: what concerns every request. What was asked before is still waited for, and
                given, because it may be charged.
        """
        yield from side_by_side(
            len(requests),
            self.manner.concurrency,
            lambda place, over: self._one(requests[place], over),
        )

    def found_out(self, known: Sequence[Mapping[str, str]]) -> Mapping[str, str]:
        """Whether the server heeds seeds: ``honoured``, ``ignored`` or ``unknown``.

        Three images are asked for, one seed twice and another once, unless this was done before.
        """
        facts = {"address": self.address, **self.facts()}
        before = [one for one in known if one.get("seeds") and facts.items() <= one.items()]
        if before:
            return before[-1]
        if not self.sends_seed:
            said = "no seed is sent, so that the same command elsewhere gives other images"
            return {**facts, "seeds": "unknown", "said": f"seeds: unknown ({said})"}
        if not self.manner.probe:
            return {**facts, "seeds": "unknown", "said": "seeds: unknown (not asked for)"}
        self.load()
        word, why = self._probed()
        return {**facts, "seeds": word, "said": f"seeds: {word} ({why})"}

    def _probed(self) -> tuple[str, str]:
        images = []
        for seed in (1, 1, 2):
            found = self._asked(PROBE, seed, "the first image, which tells about seeds", None)
            if isinstance(found, NoImage):
                self._works = None if found.refused else False
                return "unknown", f"no image to tell by: {found.reason}"
            images.append(found)
        self._works = True
        return compared(*images)

    def _one(self, request: ImageRequest, over: threading.Event) -> Image.Image | NoImage:
        where = f"the image {request.prompt.id}/{request.index}"
        return self._asked(request.prompt.text, request.seed, where, over)

    def _asked(
        self, text: str, seed: int, where: str, over: threading.Event | None
    ) -> Image.Image | NoImage:
        course = self._course
        assert course is not None, "load() comes first"
        try:
            image = tried(
                lambda attempt: self.answer(text, seed, attempt),
                text,
                where,
                course,
                self.manner,
                over,
            )
        except InVain as error:
            return NoImage(str(error), refused=error.refused)
        course.answered(image.size, where)
        return image
