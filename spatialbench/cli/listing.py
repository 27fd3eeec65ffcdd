"""``spatialbench list``: what is installed, by kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

import click

from .. import plugins
from ..api.console import say
from ..errors import UserError
from ..plugins import Benchmark, Kind, Plugin, RulePlugin
from ..reports.report import Form, Report
from ..reports.tables import Table
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


@click.command("list")
@click.argument("kind", required=False, type=click.Choice(list(_KINDS)))
@format_option
def command(kind: str | None, form: Form) -> None:
    """What is installed: KIND is methods, detectors, judges, benchmarks, backbones, rules,
    metrics, prompt-transforms or layouts.

    Without KIND, all of them.
    """
    listed = {name: _KINDS[name]() for name in ([kind] if kind else _KINDS)}
    tables = [
        Table([name, "what it is"], [[e["name"], e["summary"]] for e in entries])
        for name, entries in listed.items()
    ]
    rows = [[name, e["name"], e["summary"]] for name in listed for e in listed[name]]
    document = listed[kind] if kind else listed
    show(Report(tables, document, (["kind", "name", "summary"], rows)), form)
