"""``POST /v1/images/generations``, as vLLM-Omni, SGLang-Diffusion and OpenAI answer it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...errors import UserError
from ...plugins import GenerationSettings, ImageRequest, Json, Requirement, required
from ...plugins.parameters import read_parameters
from ...prompts import Prompt
from . import OPENAI_IMAGES, flavours
from .access import Address, address_of, key_of, refuse_exposed
from .decoding import Size, from_base64, image_of
from .faults import Answer, Fault, Refusal, failure, told
from .http_client import Client
from .manner import Manner
from .served_method import VERSION, ServedMethod
from .settings import extra_fields, refuse_offline, refuse_settings, size_of

if TYPE_CHECKING:
    from PIL import Image

_ENDPOINT = "/images/generations"
_FILTERED = ("content_filter", "content_filtered", "filtered")
_OWN_FIELDS = ("prompt", "model", "n", "size", "seed", "response_format", "stream")


class OpenAIImages(ServedMethod):
    """One model at one server. What the server is, is asked when the identity is first needed."""

    def __init__(
        self,
        client: Client,
        manner: Manner,
        flavour: flavours.Flavour | None,
        model: str,
        fields: Mapping[str, Any],
        size: Size | None,
        revision: str,
    ) -> None:
        super().__init__(manner)
        self._client = client
        self._flavour = flavour
        self._model = model
        self._fields = dict(fields)
        self._size = size
        self._revision = revision
        self._found: flavours.Server | None = None

    @property
    def address(self) -> str:
        """Host and port."""
        return self._client.address.host

    @property
    def sends_seed(self) -> bool:
        """Whether this server has a field for it."""
        return self._server.flavour.seeds

    def identity(self) -> Json:
        """Model, kind of server, the fields sent, and what the server tells of its model.

        Raises:
            UserError: the server is not there, or does not take what is to be sent.
        """
        server, size = self._server, self._asked_size
        sizes = {} if size is None else {"width": size[0], "height": size[1]}
        return {
            "method": OPENAI_IMAGES.name,
            "version": VERSION,
            "backbone": {
                "name": self._named,
                **({"revision": self._revision} if self._revision else {}),
            },
            "parameters": {
                "flavour": server.flavour.name,
                "seed": "sent" if server.flavour.seeds else "not sent",
                **self._fields,
                "always": dict(server.flavour.always),
            },
            **({"server": dict(server.model)} if server.model else {}),
            **sizes,
            "marks": ["unpinned"],
        }

    def facts(self) -> Mapping[str, str]:
        """The kind of server and the model."""
        return {"flavour": self._server.flavour.name, "model": self._named}

    def requirements(self, requests: Sequence[ImageRequest]) -> list[Requirement]:
        """The key, and the server itself, which is asked for its list of models."""
        key = required("the key", self._client.key.value)
        there = required(f"the server at {self.address}", lambda: flavours.listed(self._client))
        return [key] if key.missing else [key, there]

    def about_prompts(self, prompts: Sequence[Prompt]) -> list[str]:
        """That there are no seeds, where that is so."""
        if self.sends_seed:
            return []
        return [f"{self.address} takes no seed: its images cannot be made a second time."]

    def answer(self, text: str, seed: int, attempt: int) -> Image.Image:
        """See :class:`ServedMethod`."""
        flavour, size = self._server.flavour, self._asked_size
        content = {
            "prompt": text,
            "model": self._named,
            "n": 1,
            **({} if size is None else {"size": f"{size[0]}x{size[1]}"}),
            **({"seed": seed} if flavour.seeds else {}),
            **flavour.always,
            **self._fields,
        }
        answer = self._client.post(self._client.address.path + _ENDPOINT, content)
        if answer.status != 200:
            raise failure(answer, self._client.what)
        return image_of(self._bytes(answer), size, self._client.what)

    def _bytes(self, answer: Answer) -> bytes:
        """The one image in an answer."""
        what, found = self._client.what, answer.json()
        if answer.is_page:
            raise Fault(f"{what} answered with a web page", sent=True)
        images = found.get("data") if isinstance(found, dict) else None
        if not isinstance(images, list):
            said = told(answer)
            if said.refuses:
                raise Refusal(said.message or said.code)
            why = f" ({said.message})" if said.message else ""
            raise Fault(f"{what} answered with no list of images{why}", sent=True)
        if not images:
            raise Fault(f"{what} answered with no image", sent=True)
        if len(images) > 1:
            raise Fault(f"{what} made {len(images)} images where 1 was asked for", again=False)
        one = images[0] if isinstance(images[0], dict) else {}
        why = str(one.get("finish_reason") or one.get("error") or "")
        if any(word in why.lower() for word in _FILTERED):
            raise Refusal(why)
        if isinstance(one.get("b64_json"), str) and one["b64_json"]:
            return from_base64(one["b64_json"], what)
        url = one.get("url")
        if isinstance(url, str) and url.startswith("data:"):
            return from_base64(url, what)
        if isinstance(url, str) and url:
            fetched = self._client.fetch(url)
            if fetched.status == 200:
                return fetched.body
            raise Fault(f"{what} named an image that is not there ({fetched.status})", sent=True)
        raise Fault(f"{what} answered with no image", sent=True)

    @property
    def _server(self) -> flavours.Server:
        if self._found is None:
            found = flavours.found(self._client, self._flavour, self._model)
            self._refuse_fields(found.flavour)
            self._found = found
        return self._found

    def _refuse_fields(self, flavour: flavours.Flavour) -> None:
        known = frozenset(n for one in flavours.FLAVOURS.values() for n in one.takes)
        odd = [name for name in self._fields if name in known and name not in flavour.takes]
        if odd:
            raise UserError(
                f"a server of the flavour {flavour.name} has no field {' or '.join(odd)}: leave "
                "that out, or give another --set flavour=."
            )

    @property
    def _asked_size(self) -> Size | None:
        return self._size or self._server.flavour.size

    @property
    def _named(self) -> str:
        """The model's name at the server."""
        models, flavour = self._server.models, self._server.flavour
        if not self._model:
            if flavour.one_model and models:
                return models[0]
            if len(models) == 1:
                return models[0]
            known = f" (it lists {', '.join(models[:5])})" if models else ""
            raise UserError(f"which model of {self.address}{known}? Give --set model=NAME.")
        short = {name.rstrip("/").rpartition("/")[2] for name in models}
        if flavour.one_model and models and self._model not in {*models, *short}:
            raise UserError(
                f"{self.address} serves {', '.join(models)} and not {self._model}: give --set "
                f"model={models[0]}, or leave it out."
            )
        return self._model


def configure(settings: GenerationSettings, parameters: Mapping[str, Any]) -> OpenAIImages:
    """Fix the settings; asks the server nothing.

    Raises:
        UserError: an unknown parameter, a value out of range, a key where it would be seen.
    """
    name = OPENAI_IMAGES.name
    values = read_parameters(name, OPENAI_IMAGES.parameters, parameters)
    address = _api(address_of(values["url"], "http://127.0.0.1:8000/v1"))
    refuse_settings(name, settings)
    refuse_offline(settings, address)
    needed = address.name.endswith(".openai.com")
    key = key_of(values["key_env"], "OPENAI_API_KEY", needed)
    refuse_exposed(address, key, values["key_env"], {**values, "url": str(address)})
    fields: dict[str, Any] = {
        "num_inference_steps": settings.steps,
        "guidance_scale": settings.guidance_scale,
        "true_cfg_scale": _number(values["true_cfg_scale"]),
        "negative_prompt": values["negative_prompt"] or None,
        "quality": values["quality"] or None,
        **extra_fields(values["extra"], _OWN_FIELDS),
    }
    return OpenAIImages(
        Client(address, key, values["timeout"]),
        Manner.read(name, values),
        flavours.named(values["flavour"]),
        values["model"],
        {field: value for field, value in fields.items() if value is not None},
        size_of(settings),
        values["revision"],
    )


def _api(address: Address) -> Address:
    """Where the API begins: what was given, or ``/v1`` of a server given alone."""
    path = address.path.removesuffix(_ENDPOINT)
    return Address(address.root, path if address.path else "/v1")


def _number(value: Any) -> float | None:
    if value is None:
        return None
    try:
        return float(json.loads(str(value)))
    except (TypeError, ValueError):
        raise UserError(f"true_cfg_scale takes a number, not {value!r}.") from None
