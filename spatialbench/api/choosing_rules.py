"""From what a user names to the rule that is meant, and to how it judges."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import plugins
from ..errors import UserError, unknown_name
from ..plugins import Benchmark, Rule, RulePlugin
from ..plugins.discovery import name_and_rest
from ..plugins.parameters import assignments
from ..plugins.subsets import default_rule

if TYPE_CHECKING:
    from ..scoring.judging import Judging


def judging(
    benchmark: Benchmark,
    given: str | Rule | None,
    threshold: float | None,
    subset: str | None = None,
) -> Judging:
    """The rule that is meant, see ``rule``, at the threshold that is given."""
    from ..scoring.judging import Judging

    return Judging(rule(benchmark, given, subset), threshold)


def rule(benchmark: Benchmark, given: str | Rule | None, subset: str | None = None) -> Rule:
    """A rule by its short or its versioned name; None is the subset's own.

    It is one of the benchmark's, or one for any benchmark (see ``scoring.rules.catalogue``).

    ``NAME:KEY=VALUE,...`` sets options of a rule, where the benchmark has ``rule_options``.
    """
    from ..scoring.rules import catalogue

    if isinstance(given, Rule):
        return given
    rules = benchmark.rules
    if given is None:
        return default_rule(benchmark, subset)
    given, options = name_and_rest("rule", given)
    named = {**rules, **{rule.name: rule for rule in rules.values()}}
    without_version = {name.partition("/")[0]: name for name in named}
    if ":" in given:
        family: RulePlugin | None = plugins.given("rule", given)
    else:
        family = None if given in named else catalogue.family_of(given)
    if family is not None:
        known = dict.fromkeys(catalogue.taken(family))
        values = assignments(options.split(",") if options else [], known)
        return catalogue.build(family, benchmark, subset, values)
    given = given if given in named else without_version.get(given, given)
    if options is not None:
        return _rule_with(benchmark, rule(benchmark, given), options)
    if given not in named:
        raise unknown_name(f"rule of {benchmark.name}", given, [*named, *catalogue.names()])
    return named[given]


def _rule_with(benchmark: Benchmark, chosen: Rule, options: str) -> Rule:
    from ..scoring.rules import catalogue

    if catalogue.reads_depth(chosen):
        values = assignments(options.split(","), {catalogue.DEPTH_OPTION: None})
        return catalogue.with_depth(chosen, values)
    known = benchmark.rule_options
    if not known:
        raise UserError(
            f"the rules of {benchmark.name} have no options, but --rule gives {options!r}: leave "
            "out what follows the colon."
        )
    values = assignments(options.split(","), known)
    return benchmark.rule_with(chosen, values)
