"""Hugging Face's inference providers and endpoints, through huggingface_hub's own client."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...errors import UserError
from ...files.images import MOST_PIXELS, to_rgb
from ...plugins import GenerationSettings, ImageRequest, Json, Requirement, required
from ...plugins.parameters import read_parameters
from . import HF_INFERENCE
from .access import Address, Key, address_of, key_of, refuse_exposed
from .decoding import Size, require_size
from .faults import Answer, Fault, failure
from .http_client import Client
from .manner import Manner
from .served_method import VERSION, ServedMethod
from .settings import extra_fields, refuse_offline, refuse_settings, size_of

if TYPE_CHECKING:
    from PIL import Image

_PROVIDER = "hf-inference"
_KEY_OF_NOBODY = "none"
"""Sent where there is no key, because the client would take the one of 'hf auth login'."""
_DROPS = {"nscale": ("steps",)}
"""By provider: settings that the client does not pass on."""
_OWN_FIELDS = ("prompt", "inputs", "seed", "width", "height", "num_images")


class HFInference(ServedMethod):
    """One model at one provider, or the model of one endpoint."""

    def __init__(
        self,
        manner: Manner,
        key: Key,
        provider: str,
        model: str,
        endpoint: Address | None,
        fields: Mapping[str, Any],
        extra: Mapping[str, Any],
        size: Size | None,
        revision: str,
    ) -> None:
        super().__init__(manner)
        self._key = key
        self._provider = provider
        self._model = model
        self._endpoint = endpoint
        self._fields = dict(fields)
        self._extra = dict(extra)
        self._size = size
        self._revision = revision

    @property
    def address(self) -> str:
        """The endpoint's host, or the provider."""
        return self._endpoint.host if self._endpoint else self._provider

    def identity(self) -> Json:
        """Model, provider and the fields sent."""
        sizes = {} if self._size is None else {"width": self._size[0], "height": self._size[1]}
        return {
            "method": HF_INFERENCE.name,
            "version": VERSION,
            "backbone": {
                "name": self._model,
                **({"revision": self._revision} if self._revision else {}),
            },
            "parameters": {
                "provider": "endpoint" if self._endpoint else self._provider,
                "seed": "sent",
                **self._fields,
                **self._extra,
            },
            **sizes,
            "marks": ["unpinned"],
        }

    def facts(self) -> Mapping[str, str]:
        """The model."""
        return {"model": self._model}

    def requirements(self, requests: Sequence[ImageRequest]) -> list[Requirement]:
        """The key, and an endpoint that answers anything at all."""
        key = required("the key", self._key.value)
        if self._endpoint is None or key.missing:
            return [key]
        client = Client(self._endpoint, self._key, self.manner.timeout)

        def there() -> None:
            try:
                client.look(client.address.path or "/")
            except Fault as fault:
                raise UserError(f"{fault}: start it, or check --set url=.") from None

        return [key, required(f"the server at {self.address}", there)]

    def load(self) -> None:
        """See :class:`ServedMethod`.

        Raises:
            UserError: a process that takes nothing from the network, such as a worker of Ray.
        """
        from huggingface_hub import constants

        if constants.HF_HUB_OFFLINE:
            raise UserError(
                "huggingface_hub is told to stay offline (HF_HUB_OFFLINE), as in workers of Ray: "
                "unset it, and leave --executor ray out; --set concurrency= asks for several "
                "images at the same time."
            )
        super().load()

    def answer(self, text: str, seed: int, attempt: int) -> Image.Image:
        """See :class:`ServedMethod`."""
        from huggingface_hub import InferenceClient

        what = f"the provider {self._provider}" if self._endpoint is None else self.address
        client = InferenceClient(
            model=str(self._endpoint) if self._endpoint else self._model,
            provider=self._provider,
            token=self._key.value() or _KEY_OF_NOBODY,
            timeout=self.manner.timeout,
        )
        size = {} if self._size is None else {"width": self._size[0], "height": self._size[1]}
        try:
            image = client.text_to_image(
                text, seed=seed, extra_body=self._extra or None, **self._fields, **size
            )
            if image.width * image.height > MOST_PIXELS:
                raise Fault(f"{what} sent an image of {image.width} x {image.height} pixels")
            image.load()
            found = to_rgb(image)
        except Fault:
            raise
        except Exception as error:
            raise self._meaning(error, what) from None
        require_size(found.size, self._size, what)
        return found

    def _meaning(self, error: Exception, what: str) -> Exception:
        """What an exception of the client, its HTTP library or Pillow stands for."""
        from huggingface_hub.errors import HfHubHTTPError, InferenceTimeoutError

        if isinstance(error, InferenceTimeoutError):
            return Fault(f"{what} gave no answer in {self.manner.timeout:g} s", sent=True)
        if isinstance(error, HfHubHTTPError):
            response = error.response
            headers = {name.lower(): value for name, value in response.headers.items()}
            content = self._key.clean(response.text).encode()
            return failure(Answer(response.status_code, headers, content), what)
        said = self._key.clean(" ".join(str(error).split()))[:200]
        # Of an answer that is no JSON, or another than the client expects, it raises others.
        if type(error) is ValueError:
            return UserError(
                f"{what} cannot be asked for {self._model} ({said}): check --set provider= and "
                "--set model=."
            )
        name = type(error).__name__
        return Fault(f"{what} gave no image ({name}: {said})", sent="Connect" not in name)


def configure(settings: GenerationSettings, parameters: Mapping[str, Any]) -> HFInference:
    """Fix the settings; asks nobody anything.

    Raises:
        UserError: an unknown parameter, a value out of range, a provider that may change.
    """
    name = HF_INFERENCE.name
    values = read_parameters(name, HF_INFERENCE.parameters, parameters)
    provider = values["provider"].strip().lower()
    if provider in ("auto", ""):
        raise UserError(
            "the provider auto may be another one for every image: name one, such as --set "
            "provider=hf-inference."
        )
    model, url = values["model"], values["url"]
    if "://" in model and not url:
        # As InferenceClient takes it.
        model, url = "", model
    if not model and not url:
        raise UserError(
            "which model? Give its repository, such as --set "
            "model=black-forest-labs/FLUX.1-schnell, or an endpoint's address as --set url=."
        )
    refuse_settings(name, settings, *_DROPS.get(provider, ()))
    endpoint = None
    if url:
        endpoint = address_of(url, "https://NAME.endpoints.huggingface.cloud")
        provider = _PROVIDER
        refuse_offline(settings, endpoint)
    elif settings.offline:
        raise UserError(f"--offline, and the images are to come from {provider}: leave it out.")
    key = key_of(values["key_env"], "HF_TOKEN", endpoint is None)
    shown = {**values, "model": model, "url": str(endpoint or "")}
    refuse_exposed(endpoint or Address("https://hub", ""), key, values["key_env"], shown)
    fields = {
        "num_inference_steps": settings.steps,
        "guidance_scale": settings.guidance_scale,
        "negative_prompt": values["negative_prompt"] or None,
    }
    return HFInference(
        Manner.read(name, values),
        key,
        provider,
        model or "endpoint",
        endpoint,
        {field: value for field, value in fields.items() if value is not None},
        extra_fields(values["extra"], _OWN_FIELDS),
        size_of(settings),
        values["revision"],
    )
