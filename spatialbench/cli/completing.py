"""Completion of values in the shell: the names that an option takes, without loading a model."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import click
from click.shell_completion import CompletionItem

from .. import plugins
from ..errors import UserError
from ..plugins import Kind

Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def completed(known: Iterable[str], incomplete: str) -> list[CompletionItem]:
    """Those that begin so."""
    return [CompletionItem(name) for name in known if name.startswith(incomplete)]


def names_of(*kinds: Kind) -> Completer:
    """The names of plug-ins of some kinds."""

    def complete(
        context: click.Context, parameter: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        return completed((name for kind in kinds for name in plugins.names(kind)), incomplete)

    return complete


def backbones(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """The names of ``list backbones``."""
    from ..backbones.named import names

    return completed(names(), incomplete)


def benchmarks(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """The benchmarks; after ``NAME:`` the subsets and tables of that one."""
    name, colon, _ = incomplete.partition(":")
    if not colon:
        return completed(plugins.names("benchmark"), incomplete)
    benchmark = _loaded(name)
    if benchmark is None:
        return []
    typed = [*map(benchmark.typed, benchmark.subsets), *benchmark.tables]
    return completed((f"{name}:{one}" for one in dict.fromkeys(typed)), incomplete)


def rules(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """The rules for any benchmark, and those of the benchmark that is named, or of all."""
    named = str(context.params.get("bench") or "").partition(":")[0]
    there = [named] if named in plugins.names("benchmark") else plugins.names("benchmark")
    own = [rule for name in there if (found := _loaded(name)) for rule in found.rules]
    return completed(dict.fromkeys([*own, *plugins.names("rule")]), incomplete)


def settings(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """``KEY=`` of the parameters of the method that is named, with what each does."""
    method = context.params.get("method")
    if method not in plugins.names("method"):
        return []
    try:
        declared = plugins.load("method", str(method)).parameters
    except UserError:
        return []
    return [
        CompletionItem(f"{key}=", help=one.help)
        for key, one in declared.items()
        if f"{key}=".startswith(incomplete)
    ]


def _loaded(name: str) -> plugins.Benchmark | None:
    try:
        return plugins.load("benchmark", name)
    except UserError:
        return None


def fetched(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """What ``fetch`` knows by name: backbones and plug-ins."""
    found = backbones(context, parameter, incomplete)
    return [
        *found,
        *names_of("method", "detector", "judge", "benchmark")(context, parameter, incomplete),
    ]


def recipes(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """The recipes that are shipped, and files."""
    from ..recipes.loading import shipped

    return [*completed(shipped(), incomplete), CompletionItem(incomplete, type="file")]


def states(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """What a run can be."""
    from ..api.inventory import STATES

    return completed(STATES, incomplete)


_COMPLETED: dict[str, Completer] = {
    "method": names_of("method"),
    "bench": benchmarks,
    "backbone": backbones,
    "rule": rules,
    "detector": names_of("detector"),
    "judge": names_of("judge"),
    "prompt_transform": names_of("prompt transform"),
    "assignments": settings,
    "between": names_of("detector", "judge"),
    "names": fetched,
    "recipe": recipes,
    "state": states,
}
"""By the name of a parameter what completes its values, in every verb that has it."""


class _Completed(click.types.StringParamType):
    """A text of which the shell knows some values."""

    def __init__(self, complete: Completer) -> None:
        self._complete = complete

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """See ``click.ParamType.shell_complete``."""
        return self._complete(ctx, param, incomplete)


def with_completion(command: click.Command) -> click.Command:
    """The verb with its values completed, also in the verbs below it."""
    for parameter in command.params:
        complete = _COMPLETED.get(str(parameter.name))
        if complete is not None and parameter.type is click.STRING:
            parameter.type = _Completed(complete)
    if isinstance(command, click.Group):
        for below in command.commands.values():
            with_completion(below)
    return command
