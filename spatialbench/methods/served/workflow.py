"""A ComfyUI workflow with placeholders: read, checked, hashed, filled in."""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import UserError
from ...files.documents import parse_json, read_limited

PROMPT, SEED, NEGATIVE, WIDTH, HEIGHT = "prompt", "seed", "negative_prompt", "width", "height"

_NAMES = "|".join((PROMPT, SEED, NEGATIVE, WIDTH, HEIGHT))
_PLACE = re.compile(rf"\{{\{{\s*({_NAMES})\s*\}}\}}|\{{({_NAMES})\}}|%({_NAMES})%")
"""``{prompt}``, ``{{prompt}}`` or ``%prompt%``."""

_SHOWS = ("SaveImage", "PreviewImage", "SaveImageWebsocket")
_PREFIX = "filename_prefix"
_CHECKPOINTS = ("ckpt_name", "unet_name", "model_name")


@dataclass(frozen=True)
class Workflow:
    """Nodes by id in ComfyUI's API format, with placeholders in their inputs.

    Attributes:
        nodes: as in the file.
        places: names of the placeholders that occur.
    """

    nodes: Mapping[str, Any]
    places: frozenset[str]

    @classmethod
    def read(cls, path: str) -> Workflow:
        """Read a file.

        Raises:
            UserError: it cannot be read, is of the editor's own format, or lacks a placeholder.
        """
        try:
            content = parse_json(read_limited(Path(path)))
        except (OSError, ValueError) as error:
            raise UserError(
                f"the workflow {path} cannot be read ({error}): give the file that ComfyUI's "
                "'Export (API)' saved."
            ) from error
        if isinstance(content, dict) and isinstance(content.get("nodes"), list):
            raise UserError(
                f"{path} is a workflow as ComfyUI's editor saves it (nodes and links), which its "
                "server does not take: open it there, choose 'Export (API)', and give that file."
            )
        if isinstance(content, dict) and isinstance(content.get("prompt"), dict):
            content = content["prompt"]
        if not isinstance(content, dict) or not content:
            raise UserError(f"{path} is no workflow of ComfyUI: expected nodes by their ids.")
        for name, node in content.items():
            fine = isinstance(node, dict) and isinstance(node.get("class_type"), str)
            if not fine or not isinstance(node.get("inputs"), dict):
                raise UserError(
                    f"{path} is no workflow in ComfyUI's API format: its node {name} has no "
                    "class_type and inputs; choose 'Export (API)' in ComfyUI and give that file."
                )
        places: set[str] = set()
        _each_text([node["inputs"] for node in content.values()], lambda t: _collect(t, places))
        for place, where in ((PROMPT, "the text"), (SEED, "the seed or noise_seed")):
            if place not in places:
                raise UserError(
                    f"{path} has no placeholder for the {place}: write {{{place}}} as {where} of "
                    "the node that takes it, in quotes."
                )
        return cls(content, frozenset(places))

    @property
    def sha256(self) -> str:
        """64 hexadecimal digits over the nodes, whatever their order and spacing in the file."""
        plain = {
            name: {"class_type": node["class_type"], "inputs": node["inputs"]}
            for name, node in self.nodes.items()
        }
        return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()

    @property
    def model(self) -> str:
        """The name of the first checkpoint's file without its ending, for tables."""
        inputs = [node["inputs"] for node in self.nodes.values()]
        named = (one[key] for key in _CHECKPOINTS for one in inputs if key in one)
        found = next((name for name in named if isinstance(name, str)), "workflow")
        return Path(found.replace("\\", "/")).stem

    def output(self, given: str) -> str | None:
        """The node whose image counts; None where only the answer tells.

        Raises:
            UserError: no such node, or several that show an image and none named.
        """
        if given:
            if given not in self.nodes:
                raise UserError(
                    f"the workflow has no node {given}: its nodes are {', '.join(self.nodes)}."
                )
            return given
        shown = [name for name, node in self.nodes.items() if node["class_type"] in _SHOWS]
        if len(shown) > 1:
            raise UserError(
                f"the workflow shows images at the nodes {', '.join(shown)}: say which one "
                f"counts, with --set output={shown[0]}."
            )
        return shown[0] if shown else None

    def filled(self, values: Mapping[str, str | int], again: str = "") -> dict[str, Any]:
        """The nodes with values in the places; what a prompt holds is never a placeholder.

        Args:
            values: by the names of the placeholders.
            again: added to the names of saved files, so that a server that has run the same before
                gives the image once more; it decides no pixel.
        """
        nodes = copy.deepcopy(dict(self.nodes))
        for node in nodes.values():
            node["inputs"] = _each_text(node["inputs"], lambda text: _value(text, values))
            if again and isinstance(node["inputs"].get(_PREFIX), str):
                node["inputs"][_PREFIX] += again
        return nodes


def _each_text(value: Any, change: Callable[[str], Any]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_each_text(one, change) for one in value]
    if isinstance(value, dict):
        return {name: _each_text(one, change) for name, one in value.items()}
    return value


def _named(match: re.Match[str]) -> str:
    return next(name for name in match.groups() if name)


def _collect(text: str, places: set[str]) -> str:
    places.update(map(_named, _PLACE.finditer(text)))
    return text


def _value(text: str, values: Mapping[str, str | int]) -> str | int:
    """A placeholder alone keeps its value's type; within a text it is text."""
    if whole := _PLACE.fullmatch(text.strip()):
        return values[_named(whole)]
    return _PLACE.sub(lambda match: str(values[_named(match)]), text)
