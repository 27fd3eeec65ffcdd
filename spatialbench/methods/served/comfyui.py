"""ComfyUI: a workflow is queued, its history watched until it is done, its image fetched."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from ...errors import UserError
from ...plugins import GenerationSettings, ImageRequest, Json, Requirement, required
from ...plugins.parameters import read_parameters
from . import COMFYUI
from .access import address_of, key_of, refuse_exposed
from .decoding import Size, image_of
from .faults import Fault, failure, record, records
from .http_client import Client
from .manner import Manner
from .served_method import VERSION, ServedMethod
from .settings import refuse_offline, refuse_settings, size_of
from .workflow import HEIGHT, NEGATIVE, PROMPT, SEED, WIDTH, Workflow

if TYPE_CHECKING:
    from PIL import Image

_FIRST_LOOK_S = 0.1
_LONGEST_LOOK_S = 2.0
_LOST_AFTER = 3
"""Looks at which a server knows nothing of what was queued, after which it counts as lost."""


class ComfyUI(ServedMethod):
    """One workflow at one server."""

    def __init__(
        self,
        client: Client,
        manner: Manner,
        workflow: Workflow,
        output: str,
        negative: str,
        size: Size | None,
        revision: str,
    ) -> None:
        super().__init__(manner)
        self._client = client
        self._workflow = workflow
        self._output = workflow.output(output)
        self._negative = negative
        self._size = size
        self._revision = revision

    @property
    def address(self) -> str:
        """Host and port."""
        return self._client.address.host

    def identity(self) -> Json:
        """The hash of the workflow with its placeholders, and what they stand for."""
        sha256, size = self._workflow.sha256, self._size
        return {
            "method": COMFYUI.name,
            "version": VERSION,
            "backbone": {"name": self._workflow.model, "revision": self._revision or sha256},
            "workflow": sha256,
            "parameters": {
                **({"output": self._output} if self._output else {}),
                **({NEGATIVE: self._negative} if NEGATIVE in self._workflow.places else {}),
            },
            **({} if size is None else {"width": size[0], "height": size[1]}),
            "marks": ["unpinned"],
        }

    def requirements(self, requests: Sequence[ImageRequest]) -> list[Requirement]:
        """The server itself, which is asked for its queue."""

        def there() -> None:
            try:
                answer = self._client.look(f"{self._path}/queue")
            except Fault as fault:
                raise UserError(f"{fault}: start it, or check --set url=.") from None
            if answer.status == 200 and not isinstance(answer.json(), dict):
                raise UserError(f"{self._client.what} is not ComfyUI: check --set url=.")

        key = required("the key", self._client.key.value)
        return [key] if key.missing else [required(f"ComfyUI at {self.address}", there)]

    def answer(self, text: str, seed: int, attempt: int) -> Image.Image:
        """See :class:`ServedMethod`."""
        values: dict[str, str | int] = {PROMPT: text, SEED: seed, NEGATIVE: self._negative}
        if self._size is not None:
            values |= {WIDTH: self._size[0], HEIGHT: self._size[1]}
        again = f"-{uuid.uuid4().hex[:8]}" if attempt else ""
        queued = self._queued(self._workflow.filled(values, again))
        try:
            place = self._image(self._done(queued))
        except Fault:
            self._forget(queued)
            raise
        answer = self._client.get(f"{self._path}/view?{urlencode(place)}", self.manner.timeout)
        if answer.status != 200:
            raise failure(answer, self._client.what)
        return image_of(answer.body, self._size, self._client.what)

    @property
    def _path(self) -> str:
        return self._client.address.path

    def _queued(self, nodes: Mapping[str, Any]) -> str:
        """The id under which a workflow waits.

        Raises:
            Fault: as ``Client.post``.
            UserError: the server does not take the workflow; it names the node.
        """
        answer = self._client.post(f"{self._path}/prompt", {"prompt": nodes})
        found = answer.json()
        errors = record(found).get("node_errors")
        if answer.status == 400 or errors:
            raise UserError(f"{self._client.what} does not take the workflow: {_refused(found)}")
        if answer.status != 200:
            raise failure(answer, self._client.what)
        if not isinstance(found, dict) or not isinstance(found.get("prompt_id"), str):
            raise Fault(f"{self._client.what} answered with no prompt_id", sent=True)
        return str(found["prompt_id"])

    def _done(self, queued: str) -> dict[str, Any]:
        """What the history says of it when it is done.

        Raises:
            Fault: it is not done in time, or the server has forgotten it.
        """
        deadline, pause, unknown = time.monotonic() + self.manner.timeout, _FIRST_LOOK_S, 0
        while True:
            found = self._client.told(f"{self._path}/history/{queued}")
            entry = record(found).get(queued)
            if isinstance(entry, dict):
                status = record(entry.get("status"))
                if status.get("status_str") == "error":
                    raise Fault(f"{self._client.what}: {_failed(status)}", again=False)
                if status.get("completed", True):
                    return entry
            unknown = 0 if isinstance(entry, dict) or self._waits(queued) else unknown + 1
            if unknown >= _LOST_AFTER:
                raise Fault(f"{self._client.what} has lost what was queued", sent=True)
            if time.monotonic() > deadline:
                raise Fault(
                    f"{self._client.what} was not done in {self.manner.timeout:g} s", sent=True
                )
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_LOOK_S)

    def _waits(self, queued: str) -> bool:
        """Whether it is still in the queue, or at work, as far as the server tells."""
        found = record(self._client.told(f"{self._path}/queue"))
        both = (found.get("queue_running"), found.get("queue_pending"))
        if None in both:
            return True
        return any(queued in map(str, records(one)) for each in both for one in records(each))

    def _image(self, entry: Mapping[str, Any]) -> dict[str, str]:
        """Where the one image is.

        Raises:
            Fault: there is none, as of a workflow that the server has run before.
            UserError: several, so that nobody knows which.
        """
        by_node = {
            name: [image for image in images if "filename" in record(image)]
            for name, one in record(entry.get("outputs")).items()
            if (images := records(record(one).get("images")))
        }
        if self._output is None and len(by_node) > 1:
            raise UserError(
                f"the workflow gives images at the nodes {', '.join(by_node)}: say which one "
                f"counts, with --set output={next(iter(by_node))}."
            )
        name = self._output or next(iter(by_node), "")
        images = by_node.get(name, [])
        if len(images) > 1:
            raise UserError(
                f"the node {name} gives {len(images)} images for one prompt and seed: set "
                "batch_size to 1 in the workflow."
            )
        if not images:
            at = f" at the node {name}" if name else ""
            raise Fault(f"{self._client.what} gave no image{at}", sent=True)
        keys = ("filename", "subfolder", "type")
        return {key: str(images[0].get(key, "")) for key in keys}

    def _forget(self, queued: str) -> None:
        """Take it out of the queue, where it may still wait for nobody."""
        try:
            self._client.post(f"{self._path}/queue", {"delete": [queued]}, timeout=5.0)
        except (Fault, UserError):
            return


def _refused(found: Any) -> str:
    """``CLIPTextEncode (node 6): the text is missing``, of an answer to ``/prompt``."""
    content = record(found)
    said = []
    for name, node in record(content.get("node_errors")).items():
        texts = [_words(record(one)) for one in records(record(node).get("errors"))]
        said.append(f"{record(node).get('class_type', 'node')} (node {name}): {', '.join(texts)}")
    if not said and _words(record(content.get("error"))):
        said = [_words(record(content.get("error")))]
    return ("; ".join(said) or "it does not say why")[:500] + "."


def _words(error: Mapping[str, Any]) -> str:
    return f"{error.get('message', '')} {error.get('details', '')}".strip()


def _failed(status: Mapping[str, Any]) -> str:
    """What a history says went wrong: the node and its message."""
    for message in records(status.get("messages")):
        kind, told = (*records(message), None, None)[:2]
        if kind == "execution_error":
            told = record(told)
            node = f"{told.get('node_type', 'node')} (node {told.get('node_id', '?')})"
            return " ".join(f"{node} failed: {told.get('exception_message', '')}".split())[:300]
        if kind == "execution_interrupted":
            return "somebody interrupted it"
    return "the workflow failed and does not say why"


def configure(settings: GenerationSettings, parameters: Mapping[str, Any]) -> ComfyUI:
    """Fix the settings; asks the server nothing.

    Raises:
        UserError: an unknown parameter, a workflow that cannot be used, or a setting without a
            placeholder.
    """
    name = COMFYUI.name
    values = read_parameters(name, COMFYUI.parameters, parameters)
    if not values["workflow"]:
        raise UserError(
            "which workflow? Give the file that ComfyUI's 'Export (API)' saved: --set "
            "workflow=FILE, with {prompt} and {seed} where they belong."
        )
    refuse_settings(name, settings, "steps", "guidance_scale")
    address = address_of(values["url"], "http://127.0.0.1:8188")
    refuse_offline(settings, address)
    key = key_of(values["key_env"], "", False)
    refuse_exposed(address, key, values["key_env"], {**values, "url": str(address)})
    workflow, size = Workflow.read(values["workflow"]), size_of(settings)
    placed = {WIDTH, HEIGHT} & workflow.places
    if size is None and placed:
        raise UserError("the workflow has placeholders for the size: give --width and --height.")
    if size is not None and len(placed) < 2:
        raise UserError(
            "the workflow has no placeholders for --width and --height: write {width} and "
            "{height} into the node that makes the latents, or leave both options out."
        )
    if values["negative_prompt"] and NEGATIVE not in workflow.places:
        raise UserError(
            "the workflow has no placeholder for negative_prompt: write {negative_prompt} where "
            "it belongs, or leave it out."
        )
    return ComfyUI(
        Client(address, key, values["timeout"]),
        Manner.read(name, values),
        workflow,
        values["output"],
        values["negative_prompt"],
        size,
        values["revision"],
    )
