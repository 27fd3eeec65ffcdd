"""``spatialbench list``: what is installed, by kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import click
from click.shell_completion import CompletionItem

from .. import plugins
from ..api.console import say
from ..errors import UserError, unknown_name
from ..plugins import Benchmark, Kind, Plugin, RulePlugin
from ..reports.report import Form, Report
from ..reports.tables import Table
from .completing import completed
from .options import format_option
from .printing import show

Entry = dict[str, str]


def _plugins(kind: Kind) -> list[Entry]:
    return _listed(plugins.names(kind), lambda name: plugins.load(kind, name))


def _listed(names: Sequence[str], load: Callable[[str], Plugin]) -> list[Entry]:
    """One that cannot be loaded is listed with the reason: hiding it would hide the mistake."""
    entries = []
    for name in names:
        try:
            entries.append({"name": name, "summary": load(name).summary})
        except UserError as error:
            entries.append({"name": name, "summary": f"BROKEN: {error}"})
    return entries


def _backbones() -> list[Entry]:
    from ..backbones.named import names, registered

    return _listed(names(), registered)


def _rules() -> list[Entry]:
    entries = []
    for name in plugins.names("rule"):
        try:
            family = plugins.load("rule", name)
            summary = f"{family.full_name} of {family.judges}: {family.summary}"
        except UserError as error:
            summary = f"BROKEN: {error}"
        entries.append({"name": name, "summary": summary, "benchmark": ""})
    for name in plugins.names("benchmark"):
        try:
            benchmark = plugins.load("benchmark", name)
        except UserError as error:
            say(f"warning: {error}")
            continue
        for position, (short, rule) in enumerate(benchmark.rules.items()):
            default = ", the default" if position == 0 else ""
            summary = f"{rule.name} of {name}, threshold {rule.threshold:g}{default}"
            entries.append({"name": short, "summary": summary, "benchmark": name})
    return entries


def _metrics() -> list[Entry]:
    """Of what can be loaded; the other lists say what is broken."""
    owners: list[Benchmark | RulePlugin] = []
    for name in plugins.names("benchmark"):
        with suppress(UserError):
            owners.append(plugins.load("benchmark", name))
    for name in plugins.names("rule"):
        with suppress(UserError):
            owners.append(plugins.load("rule", name))
    smaller = {True: "", False: "; smaller is better"}
    return [
        {
            "name": metric.key,
            "summary": f"{owner.name}: {metric.help}{smaller[metric.larger_is_better]}",
        }
        for owner in owners
        for metric in owner.metrics
    ]


def _layouts() -> list[Entry]:
    from ..exchange.layouts import layouts

    return [{"name": name, "summary": one.summary} for name, one in layouts().items()]


_KINDS: dict[str, Callable[[], list[Entry]]] = {
    "methods": lambda: _plugins("method"),
    "detectors": lambda: _plugins("detector"),
    "judges": lambda: _plugins("judge"),
    "benchmarks": lambda: _plugins("benchmark"),
    "backbones": _backbones,
    "rules": _rules,
    "metrics": _metrics,
    "prompt-transforms": lambda: _plugins("prompt transform"),
    "layouts": _layouts,
}


class _What(click.ParamType[str, str]):
    """A kind, or a name of one."""

    name = "kind or name"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """See ``click.ParamType.convert``."""
        if value not in _KINDS and not _kinds_of(value):
            known = [*_KINDS, *(name for kind in _NAMED for name in _names(kind))]
            raise unknown_name("kind or name", value, known)
        return value

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The kinds, and the names of methods, which have parameters."""
        return completed([*_KINDS, *plugins.names("method")], incomplete)


_NAMED: dict[str, Kind] = {
    "methods": "method",
    "detectors": "detector",
    "judges": "judge",
    "benchmarks": "benchmark",
    "backbones": "backbone",
    "rules": "rule",
    "prompt-transforms": "prompt transform",
}
"""The kinds whose names stand for one thing, as lists call them."""


def _names(kind: str) -> list[str]:
    from ..backbones.named import names

    return names() if kind == "backbones" else plugins.names(_NAMED[kind])


def _kinds_of(name: str) -> list[str]:
    """The kinds that have something of this name."""
    return [kind for kind in _NAMED if name in _names(kind)]


@click.command("list")
@click.argument("what", required=False, type=_What(), metavar="[KIND|NAME]")
@format_option
def command(what: str | None, form: Form) -> None:
    """What is installed: KIND is methods, detectors, judges, benchmarks, backbones, rules,
    metrics, prompt-transforms or layouts.

    Without KIND, all of them. 'list methods' also has what each method takes as --set, with the
    default; with NAME, as in 'list infsplign', of that method alone.
    """
    if what is not None and what not in _KINDS:
        show(_named(what), form)
        return
    listed = {name: _KINDS[name]() for name in ([what] if what else _KINDS)}
    tables = [
        Table([name, "what it is"], [[e["name"], e["summary"]] for e in entries])
        for name, entries in listed.items()
    ]
    rows = [[name, e["name"], e["summary"]] for name in listed for e in listed[name]]
    document: Any = listed[what] if what else listed
    if what == "methods":
        taken = {name: _parameters(name) for name in plugins.names("method")}
        document = [{**one, "parameters": taken.get(one["name"], [])} for one in document]
        tables += [_table(found, name) for name, found in taken.items() if found]
    show(Report(tables, document, (["kind", "name", "summary"], rows)), form)


def _named(name: str) -> Report:
    """What has that name, and the parameters of a method."""
    entries: list[dict[str, Any]] = [
        {"kind": kind, **entry}
        for kind in _kinds_of(name)
        for entry in _KINDS[kind]()
        if entry["name"] == name
    ]
    rows = [[one["kind"], name, one["summary"]] for one in entries]
    tables = [Table(["kind", "name", "what it is"], rows)]
    for one in entries:
        if one["kind"] == "methods":
            one["parameters"] = _parameters(name)
            tables += [_table(one["parameters"], name)] if one["parameters"] else []
    return Report(tables, entries, (["kind", "name", "summary"], rows))


def _parameters(name: str) -> list[dict[str, Any]]:
    """What a method takes as ``--set``; nothing of one that is broken."""
    try:
        declared = plugins.load("method", name).parameters
    except UserError:
        return []
    return [
        {"name": key, "default": one.default, "help": one.help} for key, one in declared.items()
    ]


def _table(parameters: Sequence[dict[str, Any]], method: str) -> Table:
    rows = [[one["name"], _typed(one["default"]), one["help"]] for one in parameters]
    return Table(["--set", "default", "what it does"], rows, f"{method}: --set NAME=VALUE")


def _typed(value: Any) -> str:
    """A default as it is typed."""
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value) or "(empty)"
