"""What a member of a plug-in may be: functions of the value and the plug-in that tell."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .benchmark import Benchmark
from .method import Parameter
from .metric import Metric

Fits = Callable[[Any, Any], bool]
Expected = Sequence[tuple[str, Fits, str]]


def a_text(value: Any, plugin: Any = None) -> bool:
    """Not empty."""
    return isinstance(value, str) and bool(value.strip())


def a_name(value: Any, plugin: Any = None) -> bool:
    """What can be typed as one word."""
    return isinstance(value, str) and re.fullmatch(r"[\w.-]+", value) is not None


def a_whole_number(value: Any, plugin: Any = None) -> bool:
    """From 1 on."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def a_number(value: Any, low: float = 0, high: float = float("inf")) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def texts(value: Any, plugin: Any = None) -> bool:
    """Texts by text."""
    return (
        isinstance(value, Mapping) and all(map(a_text, value)) and all(map(a_text, value.values()))
    )


def parameters(value: Any, plugin: Any) -> bool:
    """Parameters by key, with plain defaults."""
    return (
        isinstance(value, Mapping)
        and all(map(a_text, value))
        and all(
            isinstance(one, Parameter)
            and isinstance(one.default, bool | int | float | str | None)
            and isinstance(one.help, str)
            for one in value.values()
        )
    )


def options(value: Any, plugin: Any) -> bool:
    """Parameters whose defaults are numbers."""
    return parameters(value, plugin) and all(a_number(o.default) for o in value.values())


def metrics(value: Any, plugin: Any) -> bool:
    """At least one that tables show."""
    return (
        isinstance(value, Sequence)
        and all(isinstance(metric, Metric) for metric in value)
        and any(metric.headline for metric in value)
    )


def of_subsets(value: Any, plugin: Benchmark) -> bool:
    """Texts by the name of a subset of the benchmark."""
    return texts(value) and set(value) <= set(plugin.subsets)


def marks_of_subsets(value: Any, plugin: Benchmark) -> bool:
    """Lists of texts by the name of a subset of the benchmark."""
    return (
        isinstance(value, Mapping)
        and set(value) <= set(plugin.subsets)
        and all(isinstance(one, tuple | list) and all(map(a_text, one)) for one in value.values())
    )


def names_of_subsets(value: Any, plugin: Benchmark) -> bool:
    """Names of the benchmark's subsets by text."""
    return texts(value) and set(value.values()) <= set(plugin.subsets)


def tables(value: Any, plugin: Benchmark) -> bool:
    """Columns of tables: by names of no subset, subsets by the keys of metrics."""
    keys = {metric.key for metric in plugin.metrics}
    return (
        isinstance(value, Mapping)
        and set(value).isdisjoint({*plugin.subsets, *plugin.subset_names})
        and all(names_of_subsets(one, plugin) and one.keys() <= keys for one in value.values())
    )
