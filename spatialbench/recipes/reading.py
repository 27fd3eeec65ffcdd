"""YAML as recipes use it: plain values only, and none of what makes YAML surprising or dangerous.

No tags, anchors, aliases or duplicate keys; as in YAML 1.2 only ``true`` and ``false`` are
booleans, ``1e-4`` is a number, and dates and ``1:30`` are text.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from ..errors import UserError

LARGEST = 1 << 18
"""Bytes of a recipe."""
_DEEPEST = 20
"""Levels of lists and mappings."""

_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}
_WHOLE = re.compile(r"[-+]?[0-9]+")
_NUMBER = re.compile(
    r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[-+]?\.inf|\.nan", re.IGNORECASE
)


def read_yaml(text: str, whose: str) -> Any:
    """The value of a YAML text.

    Args:
        text: one document.
        whose: the file, for errors.

    Raises:
        UserError: no YAML, or more than plain values; says the line.
    """
    try:
        depth = 0
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            _refuse_more_than_plain(event)
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST:
                raise _refused(f"more than {_DEEPEST} levels of lists and keys", event)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        return None if node is None else _value(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = "" if mark is None else f" on line {mark.line + 1}, column {mark.column + 1}"
        told = error.problem or error.context
        raise UserError(f"{whose} cannot be read as YAML{where}: {told}.") from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        told = " ".join(str(error).split())
        raise UserError(f"{whose} cannot be read as YAML: {told}.") from None


def _refuse_more_than_plain(event: Any) -> None:
    if isinstance(event, yaml.AliasEvent):
        raise _refused("an alias (*): write the value out", event)
    if isinstance(event, yaml.NodeEvent) and event.anchor is not None:
        raise _refused("an anchor (&): write the value out wherever it is meant", event)
    if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) and event.tag is not None:
        raise _refused(f"a tag ({event.tag}): write a plain value", event)


def _value(node: Any) -> Any:
    if isinstance(node, yaml.SequenceNode):
        return [_value(one) for one in node.value]
    if not isinstance(node, yaml.MappingNode):
        return node.value if node.style else _plain(node.value)
    found: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        if not isinstance(key_node, yaml.ScalarNode):
            raise _refused("a key that is a list or a mapping", key_node)
        key = key_node.value
        if key in found:
            raise _refused(f"the key {key!r} twice", key_node)
        found[key] = _value(value_node)
    return found


def _plain(text: str) -> Any:
    """What a text without quotes means."""
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if _WHOLE.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text):
        return float(re.sub(r"\.(?=[in])", "", text.lower()))
    return text


def _refused(what: str, where: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=f"it has {what}", problem_mark=where.start_mark)
