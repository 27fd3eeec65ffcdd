"""The servers behind one and the same API: which one it is, which fields it takes, its model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import UserError, unknown_name
from .access import Address
from .decoding import Size
from .faults import Fault, failure
from .http_client import Client


@dataclass(frozen=True, slots=True)
class Flavour:
    """A kind of server.

    Attributes:
        name: what ``--set flavour=`` takes.
        always: fields sent with every request, beside prompt, model and ``n``.
        takes: names of the fields that it knows, of those a user may set.
        seeds: whether it has a field for the seed.
        size: the size asked for where the user names none; None for the model's own.
        tells: whether it tells what its model is, so that it is asked.
        one_model: whether it takes one model and passes over another name.
    """

    name: str
    always: Mapping[str, Any]
    takes: frozenset[str]
    seeds: bool = True
    size: Size | None = None
    tells: bool = True
    one_model: bool = False


_DIFFUSION = frozenset(
    {"num_inference_steps", "guidance_scale", "true_cfg_scale", "negative_prompt"}
)
_BASE64 = {"response_format": "b64_json"}

FLAVOURS = {
    flavour.name: flavour
    for flavour in (
        Flavour(
            "vllm-omni",
            {**_BASE64, "output_format": "png", "generator_device": "cpu"},
            _DIFFUSION,
            one_model=True,
        ),
        Flavour(
            "sglang",
            {**_BASE64, "output_format": "png", "generator_device": "cpu"},
            _DIFFUSION,
            size=(1024, 1024),
            one_model=True,
        ),
        Flavour(
            "openai",
            {"output_format": "png"},
            frozenset({"quality"}),
            seeds=False,
            size=(1024, 1024),
            tells=False,
        ),
        Flavour("compatible", _BASE64, _DIFFUSION | {"quality"}),
    )
}

AUTO = "auto"

_OF_SGLANG = ("model_path", "pipeline_class", "dit_precision", "vae_precision", "task_type")
"""What decides pixels of what SGLang-Diffusion tells; the rest is of the process."""


@dataclass(frozen=True, slots=True)
class Server:
    """What is known of a server before the first image.

    Attributes:
        flavour: which kind it is.
        models: the names of its models; empty where it does not tell.
        model: what it tells of the model.
    """

    flavour: Flavour
    models: tuple[str, ...]
    model: Mapping[str, str]


def named(text: str) -> Flavour | None:
    """A flavour by name; None for ``auto``.

    Raises:
        UserError: another name.
    """
    if text == AUTO:
        return None
    if text not in FLAVOURS:
        raise unknown_name("flavour of a server", text, [AUTO, *FLAVOURS])
    return FLAVOURS[text]


def found(client: Client, given: Flavour | None, model: str) -> Server:
    """Ask a server what it is; no image is made.

    Raises:
        UserError: it is not there, wants another key, or is no such server.
    """
    if given is None and (_is_openai(client.address) or _is_openais(model)):
        given = FLAVOURS["openai"]
    if given is not None and (not given.tells or (given.name == "compatible" and model)):
        return Server(given, (), {})
    entries, own = listed(client), _sglang(client)
    names = [str(one.get("id")) for one in entries]
    owners = " ".join(str(one.get("owned_by", "")).lower() for one in entries)
    if given is None:
        word = "compatible"
        if own or "sglang" in owners:
            word = "sglang"
        elif "vllm" in owners:
            word = "vllm-omni"
        given = FLAVOURS[word]
    if given.name == "sglang" and own:
        return Server(given, tuple(dict.fromkeys([own["model_path"], *names])), own)
    if given.name == "vllm-omni":
        chosen = [one for one in entries if one.get("id") == (model or one.get("id"))]
        root = {str(one["root"]) for one in chosen if isinstance(one.get("root"), str)}
        return Server(given, tuple(names), {"root": root.pop()} if len(root) == 1 else {})
    return Server(given, tuple(names), {})


def listed(client: Client) -> list[Mapping[str, Any]]:
    """The models that a server lists; none where it has no such list.

    Raises:
        UserError: it is not there, wants another key, or shows web pages.
    """
    place, spelled = f"{client.address.path}/models", client.key.spelling
    try:
        answer = client.look(place)
    except Fault as fault:
        raise UserError(
            f"{fault}: start it, wait until it is ready, or check {spelled('url', '')}; nothing "
            "was made. (The table of a finished run needs no server: 'spatialbench score RUN'.)"
        ) from None
    if answer.is_page and answer.status == 200:
        raise UserError(
            f"{client.what} shows a web page at {place}, so that is not where its API is: check "
            f"{spelled('url', '')}, which often ends in /v1."
        )
    if answer.status in (401, 402, 403) or 300 <= answer.status < 400:
        raise failure(answer, client.what, spelling=spelled)
    content = client.plain(answer)
    entries = content.get("data") if isinstance(content, dict) else None
    return [one for one in entries if isinstance(one, dict)] if isinstance(entries, list) else []


def _sglang(client: Client) -> dict[str, str]:
    """What SGLang-Diffusion tells at ``/models``; nothing of any other server."""
    try:
        content = client.told("/models")
    except Fault as fault:
        # Not taken for another kind of server, which would be another run.
        raise UserError(f"{fault}: give the same command again, or --set flavour=.") from None
    if isinstance(content, dict) and isinstance(content.get("data"), list) and content["data"]:
        content = content["data"][0]
    if not isinstance(content, dict) or not isinstance(content.get("model_path"), str):
        return {}
    return {name: str(content[name]) for name in _OF_SGLANG if content.get(name) is not None}


def _is_openai(address: Address) -> bool:
    return address.name.endswith((".openai.com", ".openai.azure.com"))


def _is_openais(model: str) -> bool:
    return model.rpartition("/")[2].startswith(("gpt-image", "chatgpt-image"))
