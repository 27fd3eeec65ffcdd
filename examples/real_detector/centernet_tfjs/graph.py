"""Runs a TensorFlow graph: every node once, after the nodes it takes its inputs from."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

import torch
from torch import Tensor

from spatialbench.errors import UserError

from .model_file import ModelFile
from .operations import OPERATIONS


@dataclass(frozen=True)
class Node:
    """One operation; ``inputs`` are names of nodes and which of their outputs is meant."""

    name: str
    op: str
    inputs: Sequence[tuple[str, int]]
    attributes: Mapping[str, Any]


class Graph:
    """The part of a graph that computes one node, with its weights on a device."""

    def __init__(self, model: ModelFile, output: str, device: str | torch.device) -> None:
        """Order the nodes.

        Raises:
            UserError: a malformed graph, or operations that are not known here.
        """
        try:
            self._nodes = _ordered({raw["name"]: _node(raw) for raw in model.nodes}, output)
        except (AttributeError, KeyError, TypeError, ValueError, CycleError) as error:
            raise UserError(f"the model's graph is malformed ({error!r}).") from error
        own = {"Const", "Placeholder", *OPERATIONS}
        unknown = sorted({node.op for node in self._nodes} - own)
        if unknown:
            raise UserError(
                f"the model has operations that are not known here, {', '.join(unknown)}: write "
                "them into operations.py, or give a model of the known ones."
            )
        self._weights = {
            name: torch.from_numpy(array).to(device) for name, array in model.weights.items()
        }
        self._output = output

    @torch.inference_mode()
    def __call__(self, **feeds: Tensor) -> Tensor:
        """The output for these tensors.

        Args:
            feeds: by the last word of the name of each ``Placeholder``.

        Raises:
            UserError: a node that cannot be computed.
        """
        values: dict[str, tuple[Tensor, ...]] = {}
        for node in self._nodes:
            try:
                values[node.name] = self._value(node, values, feeds)
            except torch.OutOfMemoryError:
                raise
            # What torch raises at inputs that do not fit is no closed list.
            except Exception as error:
                raise UserError(
                    f"the model's node {node.name!r} ({node.op}) cannot be computed "
                    f"({type(error).__name__}: {error})."
                ) from error
        return values[self._output][0]

    def _value(
        self, node: Node, values: Mapping[str, tuple[Tensor, ...]], feeds: Mapping[str, Tensor]
    ) -> tuple[Tensor, ...]:
        if node.op == "Const":
            return (self._weights[node.name],)
        if node.op == "Placeholder":
            return (feeds[node.name.rpartition("/")[2]],)
        inputs = [values[name][place] for name, place in node.inputs]
        result = OPERATIONS[node.op](node.attributes, *inputs)
        return result if isinstance(result, tuple) else (result,)


def _node(raw: Mapping[str, Any]) -> Node:
    attributes = {name: _plain(value) for name, value in raw.get("attr", {}).items()}
    inputs = []
    for given in raw.get("input", ()):
        name, _, place = given.partition(":")
        if not name.startswith("^"):  # which says what runs before, and gives no value
            inputs.append((name, int(place or 0)))
    return Node(raw["name"], str(raw["op"]), inputs, attributes)


def _plain(value: Mapping[str, Any]) -> Any:
    """The value of an attribute: text is in base64, whole numbers are in quotes."""
    for kind, content in value.items():
        if kind == "list":
            return [_plain({of: one}) for of, every in content.items() for one in every]
        if kind == "s":
            return base64.b64decode(content).decode()
        return int(content) if kind == "i" else content
    return None


def _ordered(nodes: Mapping[str, Node], output: str) -> list[Node]:
    """The nodes that ``output`` needs, each after its inputs."""
    before: dict[str, list[str]] = {}
    waiting = [output]
    while waiting:
        name = waiting.pop()
        if name not in before:
            before[name] = [source for source, _ in nodes[name].inputs]
            waiting += before[name]
    return [nodes[name] for name in TopologicalSorter(before).static_order()]
