"""A server with OpenAI's chat API behind the Judge protocol; see ``first_word``."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from collections.abc import Sequence
from threading import Event
from typing import TYPE_CHECKING, Any

from spatialbench.errors import UserError
from spatialbench.methods.served import COMMON, flavours
from spatialbench.methods.served.access import Address, address_of, key_of, refuse_exposed
from spatialbench.methods.served.course import Course
from spatialbench.methods.served.faults import failure
from spatialbench.methods.served.http_client import Client
from spatialbench.methods.served.manner import Manner
from spatialbench.methods.served.trying import InVain, side_by_side, tried
from spatialbench.plugins import Judge, JudgePlugin, NoAnswer, Parameter
from spatialbench.plugins.judge import UNKNOWN_WEIGHTS, Question
from spatialbench.plugins.parameters import assignments, read_parameters
from spatialbench.plugins.requirements import Requirement, required
from spatialbench.runs.identity import canonical_json
from spatialbench.runs.names import slug

from ..one_word import PROMPT, forms
from ..plain_images import QUESTION, answers_differ, plain
from . import first_word

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PIL import Image

NAME = "openai"
VERSION = 1
"""Raised whenever the same settings would be asked or read in another way."""

OPENAI = "https://api.openai.com/v1"
_ENDPOINT = "/chat/completions"
_DIGITS = 7
_GIVEN = re.compile(r"(?P<model>[^,]+?)(?:@(?P<url>https?://[^,]*))?(?:,(?P<options>.*))?", re.I)

PARAMETERS: Mapping[str, Parameter] = {
    **{name: COMMON[name] for name in ("concurrency", "retries", "key_env")},
    "timeout": Parameter(120.0, "seconds to wait for one answer; changes no answer"),
    "listed": Parameter(
        20, "how many of the likeliest first tokens the server is to list, 2 to 20"
    ),
}
"""What may stand behind the url, as ``,key_env=NAME``."""


def spelled(name: str, value: str) -> str:
    """How a user gives a parameter of the judge."""
    model = value if name == "model" and value else "MODEL"
    url = value if name == "url" and value else "URL"
    more = "" if name in ("model", "url") else f",{name}={value}"
    return f"--judge {NAME}:{model}@{url}{more}"


class ServedJudge(Judge):
    """A model at a server: one image and one question per request. Picklable, without the key."""

    other_answers = True
    one_by_one = True

    def __init__(self, client: Client, manner: Manner, model: str, listed: int) -> None:
        self.client, self.manner, self.model, self.listed = client, manner, model, listed
        self._course: Course | None = None
        self._stop: UserError | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Without what this process has counted, which another one begins anew."""
        return {**self.__dict__, "_course": None, "_stop": None}

    def identity(self) -> dict[str, Any]:
        """Everything that is known to decide the answers; the server is not asked.

        Its port is left out, so that a server of one's own may be started anew.
        """
        return {
            "judge": NAME,
            "version": VERSION,
            "weights": "unknown",
            "model": self.model,
            "server": self.client.address.name,
            "prompt": PROMPT,
            "answer": "first token, shares of those listed; yes is "
            f"{' | '.join(map(repr, forms('yes')))}",
            "listed": self.listed,
            "within": first_word.WIDEST,
            "image": "png",
            "marks": [UNKNOWN_WEIGHTS],
        }

    def signature(self) -> str:
        """``openai-gpt-4o@weights-unknown-3fa9c1d``: the end is of the identity's hash."""
        digest = hashlib.sha256(canonical_json(self.identity()).encode()).hexdigest()
        model = self.model.rpartition("/")[2].replace("@", "-")
        return slug(f"{NAME}-{model}@{UNKNOWN_WEIGHTS}-{digest[:_DIGITS]}")

    def requirements(self) -> list[Requirement]:
        """The key, and a server that tells how likely its words are: it is asked once."""
        key = required("the key", self.client.key.value)
        if key.missing:
            return [key]
        there = f"logprobs of the server at {self.client.address.host}"
        return [key, required(there, self._require_logprobs)]

    def load(self) -> None:
        """Begin anew to count what fails; there is no model here."""
        self._course = Course(True, "questions", "answer")
        self._stop = None

    def answer(
        self, images: Sequence[Image.Image], questions: Sequence[Sequence[str]]
    ) -> list[list[float | NoAnswer]]:
        """The probability of each question's expected answer, ``concurrency`` at the same time.

        Where something concerns every request, the answers before it are still given, and the next
        call raises it.

        Raises:
            UserError: nothing can be had from the server.
        """
        if self._stop is not None:
            raise self._stop
        if self._course is None:
            self.load()
        asked = [(i, text) for i, texts in enumerate(questions) for text in texts]
        shown = [_as_url(image) if questions[i] else "" for i, image in enumerate(images)]

        def ask(place: int, over: Event) -> float | NoAnswer:
            i, text = asked[place]
            return self._answered(shown[i], text, over)

        found: dict[int, float | NoAnswer] = {}
        try:
            found.update(side_by_side(len(asked), self.manner.concurrency, ask))
        except UserError as error:
            if not any(isinstance(one, float) for one in found.values()):
                raise
            self._stop = error
        rest = NoAnswer(str(self._stop))
        given = iter(range(len(asked)))
        return [[found.get(next(given), rest) for _ in texts] for texts in questions]

    def self_test(self) -> str:
        """Ask one question about two plain images: the answers must differ.

        Raises:
            UserError: they are the same, or there is none.
        """
        return answers_differ(self, "its server does not look at them")

    def _answered(self, image: str, text: str, over: Event) -> float | NoAnswer:
        question, course = Question.of(text), self._course
        assert course is not None
        what = self.client.what

        def ask(attempt: int) -> float:
            return first_word.answer(self._listed(image, question), question, what)

        try:
            found = tried(
                ask, f"{text} {hash(image)}", f"the question {text!r}", course, self.manner, over
            )
        except InVain as error:
            return NoAnswer(str(error))
        course.answered()
        return found

    def _listed(self, image: str, question: Question) -> Mapping[str, float]:
        """What the server would write first; see ``first_word.listed``."""
        address = self.client.address
        longest = "max_completion_tokens" if _is_openai(address) else "max_tokens"
        content = {
            "model": self.model,
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "image_url", "image_url": {"url": image}},
                        {"type": "text", "text": question.said(PROMPT)},
                    ],
                }
            ],
            longest: 1,
            "temperature": 0,
            "logprobs": True,
            "top_logprobs": self.listed,
        }
        answer = self.client.post(address.path + _ENDPOINT, content)
        if answer.status != 200:
            raise failure(answer, self.client.what, spelling=spelled)
        return first_word.listed(answer.json(), self.client.what)

    def _require_logprobs(self) -> None:
        flavours.listed(self.client)
        image, question = _as_url(plain("red")), Question(QUESTION)
        try:
            shares = tried(
                lambda attempt: self._listed(image, question),
                question.text,
                "the first question, which tells about logprobs",
                Course(None, "questions", "answer"),
                self.manner,
                None,
            )
        except InVain as error:
            raise UserError(f"{error}: see to the server, then give the command again.") from None
        if len(shares) < 2:
            raise UserError(
                f"{self.client.what} lists one word where {self.listed} were asked for, so that no "
                "probability can be told: give a server that lists more, or --judge vlm:FOLDER."
            )


class ServedJudgePlugin(JudgePlugin):
    """The entry point ``openai``."""

    name = NAME
    summary = "a model at a server with OpenAI's chat API and logprobs: --judge openai:MODEL@URL"

    def configure(
        self, weights: str | None = None, device: str = "cpu", offline: bool = False
    ) -> ServedJudge:
        """Choose the model: ``MODEL@URL,key_env=NAME``; without a url it is OpenAI's own server.

        Raises:
            UserError: another text, an option out of range, a key where it would be seen, or a
                server elsewhere where nothing may be taken from the network.
        """
        given = _GIVEN.fullmatch(weights or "")
        if given is None:
            example = spelled("url", "http://127.0.0.1:8000/v1")
            raise UserError(f"{NAME} needs the name of a model and a server: give {example}.")
        parts = given["options"].split(",") if given["options"] else []
        if odd := [part for part in parts if "=" not in part]:
            raise UserError(
                f"{odd[0]!r} behind the url of --judge is no option: give "
                f"{spelled('timeout', '60')}."
            )
        values = read_parameters(
            NAME, PARAMETERS, assignments(parts, PARAMETERS), lambda k, v: spelled(k, str(v))
        )
        if not 2 <= values["listed"] <= 20:
            raise UserError(f"{NAME} takes listed from 2 to 20, not {values['listed']}.")
        address = _api(address_of(given["url"] or OPENAI, "http://127.0.0.1:8000/v1", spelled))
        if offline and not address.loopback:
            raise UserError(
                f"--offline, and the answers are to come from {address.host}: leave --offline out."
            )
        key = key_of(values["key_env"], "OPENAI_API_KEY", _is_openai(address), spelled)
        model = given["model"]
        refuse_exposed(address, key, values["key_env"], {"MODEL": model, "URL": str(address)})
        manner = Manner.read(NAME, {**values, "probe": False})
        client = Client(address, key, values["timeout"])
        return ServedJudge(client, manner, model, values["listed"])


def _api(address: Address) -> Address:
    """Where the API begins: what was given, or ``/v1`` of a server given alone."""
    path = address.path.removesuffix(_ENDPOINT)
    return Address(address.root, path if address.path else "/v1")


def _is_openai(address: Address) -> bool:
    return address.name.endswith(".openai.com")


def _as_url(image: Image.Image) -> str:
    """An image as a PNG in a url, without loss."""
    file = io.BytesIO()
    image.convert("RGB").save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


PLUGIN: JudgePlugin = ServedJudgePlugin()
