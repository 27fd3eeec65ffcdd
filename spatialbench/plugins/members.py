"""What a plug-in must have: every member of its kind, of the right type, and none misspelt."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import UserError, blamed
from .backbone import Backbone, Defaults
from .benchmark import Benchmark
from .detector import DetectorPlugin
from .evidence import BOXES, EVIDENCE, OF_JUDGES
from .judge import JudgePlugin
from .layout import FLAT, ONE_FILE, Layout
from .method import MethodPlugin
from .plugin import Plugin
from .prompt_transform import PromptTransform
from .reward_defaults import RewardDefaults
from .right_values import (
    Expected,
    a_name,
    a_number,
    a_text,
    a_whole_number,
    marks_of_subsets,
    metrics,
    names_of_subsets,
    of_subsets,
    options,
    parameters,
    tables,
    texts,
)
from .rule import Rule
from .rule_plugin import RulePlugin

_ABSENT = object()


def checked(plugin: Any, base: type[Any], whose: str) -> Any:
    """An object that has every member of its kind, of the right type, and misspells none.

    Args:
        whose: how the object begins a sentence, such as ``the method 'mine'``.

    Raises:
        UserError: it is of another kind; what is missing, unknown or of another type is named.
    """
    if not isinstance(plugin, base):
        what = f"the class {plugin.__name__}" if isinstance(plugin, type) else _kind(plugin)
        raise UserError(
            f"{whose} is {what}: expected an object of a class that inherits "
            f"from spatialbench.plugins.{base.__name__}."
        )
    declared = {word for one in base.__mro__ for word in vars(one).get("__annotations__", ())}
    missing = [word for word in declared if _static(plugin, word) is _ABSENT]
    if missing:
        raise UserError(
            f"{whose} lacks {', '.join(sorted(missing))}: spatialbench.plugins.{base.__name__} "
            "says what each is."
        )
    # What a class between the two adds is known: its own subclasses override it.
    between = [one for one in type(plugin).__mro__[1:] if one not in base.__mro__]
    known = {word for one in (base, *between) for word in dir(one)} | declared
    # A rule may well have more, as long as it is not like a hook that nobody would then call.
    closed = issubclass(base, Plugin)
    for word in _own_members(plugin):
        if word not in known:
            near = difflib.get_close_matches(word, known, n=1, cutoff=0.6 if closed else 0.85)
            if not (closed or near):
                continue
            hint = f"did you mean {near[0]}? " if near else ""
            raise UserError(
                f"{whose} has the member {word}, which spatialbench.plugins.{base.__name__} does "
                f"not know: {hint}Members of its own begin with an underscore."
            )
        if callable(_static(base, word)) and not callable(_bound(plugin, word)):
            raise UserError(f"{whose} has no function as {word}: expected a method of the class.")
    for word, fits, expected in _EXPECTED.get(base, ()):
        _require(whose, word, fits, expected, plugin)
    if isinstance(plugin, Benchmark | RulePlugin):
        keys = [metric.key for metric in plugin.metrics]
        if twice := next((key for key in keys if keys.count(key) > 1), None):
            raise UserError(f"{whose} has two metrics with the key {twice}: give each its own.")
    if isinstance(plugin, Benchmark):
        for short, rule in plugin.rules.items():
            checked(rule, Rule, f"the rule {short!r} of {whose}")
    return plugin


def configured(plugin: Any, base: type[Any], *arguments: Any) -> Any:
    """What a plug-in's ``configure`` makes, which must be a ``base``.

    Raises:
        UserError: what the plug-in raises as one, or an object of another kind.
    """
    whose = f"the {base.__name__.lower()} {plugin.name}"
    with blamed(whose):
        made = plugin.configure(*arguments)
    if not isinstance(made, base):
        raise UserError(
            f"{whose} configures {_kind(made)}: expected an object of a class that inherits from "
            f"spatialbench.plugins.{base.__name__}."
        )
    return made


def _require(
    whose: str, word: str, fits: Callable[[Any, Any], bool], expected: str, plugin: Any
) -> None:
    try:
        value = getattr(plugin, word)
        fine = fits(value, plugin)
    except UserError:
        raise
    except Exception as error:
        raise UserError(
            f"{whose} fails where its {word} is read ({type(error).__name__}: {error}): expected "
            f"{expected}."
        ) from error
    if not fine:
        shown = repr(value)
        raise UserError(
            f"{whose} has {word} = {shown if len(shown) < 80 else _kind(value)}: expected "
            f"{expected}."
        )


_PLUGIN: Expected = (
    ("name", a_name, "what the user types: letters, digits and any of . _ -"),
    ("summary", a_text, "a text of one line"),
)
_METRICS = ("metrics", metrics, "spatialbench.plugins.Metric objects, some of them headline")
_VERSION = ("version", a_whole_number, "a whole number from 1 on")
_EXPECTED: Mapping[type[Any], Expected] = {
    Plugin: _PLUGIN,
    DetectorPlugin: _PLUGIN,
    JudgePlugin: _PLUGIN,
    MethodPlugin: (
        *_PLUGIN,
        ("step_factor", lambda value, _: a_number(value), "a number, 0 or more"),
        (
            "parameters",
            parameters,
            "spatialbench.plugins.Parameter objects by key, whose defaults are a text, a number, "
            "true, false or None",
        ),
    ),
    Benchmark: (
        *_PLUGIN,
        _VERSION,
        ("images_per_prompt", a_whole_number, "a whole number from 1 on"),
        ("subsets", lambda value, _: texts(value) and len(value) > 0, "a text by subset name"),
        ("default_subset", lambda value, one: value in one.subsets, "the name of one of subsets"),
        (
            "detector",
            lambda value, one: (
                a_text(value)
                or (value == "" and not any(BOXES in rule.needs for rule in one.rules.values()))
            ),
            "the name of a detector",
        ),
        *(
            (word, lambda value, _: value is None or a_text(value), "the name of a judge, or None")
            for word in ("judge", "similarity_judge")
        ),
        _METRICS,
        (
            "rules",
            lambda value, _: (
                isinstance(value, Mapping)
                and len(value) > 0
                and all(map(a_text, value))
                and all(isinstance(rule, Rule) for rule in value.values())
            ),
            "spatialbench.plugins.Rule objects by short name, the default first",
        ),
        (
            "subset_rules",
            lambda value, one: of_subsets(value, one) and set(value.values()) <= set(one.rules),
            "the name of one of rules by the name of a subset",
        ),
        (
            "layouts",
            lambda value, _: (
                isinstance(value, Mapping)
                and all(map(a_text, value))
                and all(isinstance(layout, Layout) for layout in value.values())
                and not {*ONE_FILE, FLAT} & set(value)
            ),
            "spatialbench.plugins.Layout objects by a name of their own",
        ),
        ("subset_names", names_of_subsets, "the name of one of subsets by what is typed for it"),
        (
            "tables",
            tables,
            "columns by a name that no subset has: the name of a subset by the key of a metric",
        ),
        ("subset_detectors", of_subsets, "the name of a detector by the name of a subset"),
        ("subset_marks", marks_of_subsets, "a list of marks by the name of a subset"),
        (
            "rewards",
            lambda value, one: (
                isinstance(value, RewardDefaults) and value.subset in (None, *one.subsets)
            ),
            "RewardDefaults, with the name of one of subsets or None",
        ),
    ),
    Backbone: (
        *_PLUGIN,
        (
            "sources",
            lambda value, one: (
                isinstance(value, Sequence)
                and not isinstance(value, str)
                and all(map(a_text, value))
                and bool(value) != (one.folder is not None)
            ),
            "texts such as org/name@<40 hex digits>, or none and a folder",
        ),
        ("folder", lambda v, _: isinstance(v, Path | None), "a pathlib.Path, or None"),
        ("defaults", lambda v, _: isinstance(v, Defaults | None), "Defaults, or None"),
    ),
    Rule: (
        ("name", a_text, "a text with its version, such as near/1"),
        ("threshold", lambda value, _: a_number(value, 0, 1), "a number from 0 to 1"),
        (
            "needs",
            lambda value, _: (
                isinstance(value, tuple)
                and set(value) <= {*EVIDENCE}
                and not {BOXES, *OF_JUDGES}.isdisjoint(value)
            ),
            f"a tuple of some of {', '.join(EVIDENCE)}, among them boxes, answers or similarity",
        ),
        (
            "judge",
            lambda _, one: (
                type(one).judge is not Rule.judge
                or type(one).judge_evidence is not Rule.judge_evidence
            ),
            "a method of its own, or judge_evidence as one",
        ),
    ),
    RulePlugin: (
        *_PLUGIN,
        _VERSION,
        ("options", options, "spatialbench.plugins.Parameter objects by key, with numbers"),
        _METRICS,
    ),
    PromptTransform: (*_PLUGIN, _VERSION),
}
"""By base class: the members, what tells a right value, and what to say of a wrong one."""


def _kind(value: Any) -> str:
    name = type(value).__name__
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def _static(place: Any, word: str) -> Any:
    return inspect.getattr_static(place, word, _ABSENT)


def _bound(plugin: Any, word: str) -> Any:
    found = _static(plugin, word)
    return found.__func__ if isinstance(found, staticmethod | classmethod) else found


def _own_members(plugin: Any) -> Iterator[str]:
    """Public members of the plug-in's class, fields of a dataclass left out."""
    place = vars(type(plugin))
    fields = place.get("__dataclass_fields__", ())
    yield from sorted(word for word in place if not word.startswith("_") and word not in fields)
