"""The rules for any benchmark: the plug-ins of the kind ``rule``, and three of our own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ... import plugins
from ...errors import UserError
from ...plugins import Benchmark, Metric, Parameter, Rule, RulePlugin
from ...plugins.members import checked
from ...plugins.rule_plugin import FOUND, shares
from ...plugins.subsets import default_rule
from ...prompts import Prompt
from .all_relations_rule import OVER_ALL, AllRelationsRule
from .any_benchmark import AnyBenchmarkRule, in_depth, meaning_of, unjudged
from .constraint_rule import ConstraintRule
from .constraints import DEPTH_MARGIN, FORMS, TAU, Constraint, Form
from .depth_maps import folder_of_run, given_folder
from .superiority_rule import SuperiorityRule

Options = Mapping[str, Any]

DEPTH_OPTION = "depth"


@dataclass(frozen=True, slots=True)
class GeometryPlugin(RulePlugin):
    """A rule on the relations of a prompt, which reads depth maps where they ask for depth.

    Attributes:
        make: the rule from name, threshold, meaning of labels and options.
        threshold: from which a box counts; None for that of the subset's own rule.
    """

    name: str
    summary: str
    metrics: Sequence[Metric]
    make: Callable[..., AnyBenchmarkRule]
    options: Mapping[str, Parameter] = field(default_factory=dict)
    version: int = 1
    remark: str = (
        "is our reconstruction of a rule whose code and equations are not public: compare it only "
        "with itself"
    )
    judges: str = "any benchmark"
    threshold: float | None = None
    marks: Sequence[str] = ()

    def build(self, benchmark: Benchmark, subset: str | None, options: Options) -> AnyBenchmarkRule:
        """See ``RulePlugin.build``."""
        threshold = self.threshold
        if threshold is None:
            threshold = default_rule(benchmark, subset).threshold
        return self.make(self.name_with(options), threshold, meaning_of(benchmark), options)

    def notes(self, prompts: Sequence[Prompt], rule: str) -> list[str]:
        """The remark, and how many prompts the rule leaves out."""
        notes = [f"{rule} {self.remark}."]
        if out := sum(unjudged(prompt) is not None for prompt in prompts):
            notes.append(
                f"{out:,} of {len(prompts):,} prompts ask for nothing that {rule} judges (left, "
                "right, above, below, in front of, behind): their images are left out."
            )
        return notes


def _constraints(
    name: str, summary: str, metrics: Sequence[Metric], kind: type[ConstraintRule], form: Form
) -> GeometryPlugin:
    def make(name: str, threshold: float, meaning: Any, options: Options) -> AnyBenchmarkRule:
        constraint = Constraint(form, float(options["tau"]), float(options["margin"])).checked()
        return kind(name, threshold, meaning, constraint=constraint)

    return GeometryPlugin(
        name,
        summary,
        metrics,
        make,
        {
            "tau": Parameter(TAU, "strictness, above 0"),
            "margin": Parameter(DEPTH_MARGIN, "how much nearer, as a share of the depth range"),
        },
    )


def _esplora(form: Form) -> GeometryPlugin:
    return _constraints(
        f"esplora-{form}",
        f"ESPLoRA's constraints (reconstruction), {FORMS[form]}",
        shares(form.upper(), {"soft": "soft", "strict": "strict"}, partial=True),
        ConstraintRule,
        form,
    )


R1, R2 = _esplora("r1"), _esplora("r2")

ALL = _constraints(
    "all-relations",
    "of a prompt's relations the mean (soft) and all at once (strict), by esplora-r1's geometry",
    shares("ALL", OVER_ALL, partial=True),
    AllRelationsRule,
    "r1",
)

PSE = GeometryPlugin(
    "pse",
    "probability that a pixel of A is on the asked side of one of B (reconstruction)",
    shares("PSE", {"": "pse"}, partial=True),
    lambda name, threshold, meaning, options: SuperiorityRule(name, threshold, meaning),
)


def families() -> list[RulePlugin]:
    """The rules for any benchmark that are installed and sound."""
    found = []
    for name in plugins.names("rule"):
        try:
            found.append(plugins.load("rule", name))
        except UserError:
            continue
    return found


def names() -> list[str]:
    """Every name the rules answer to: short and versioned."""
    return [name for family in families() for name in (family.name, family.full_name)]


def family_of(rule: str) -> RulePlugin | None:
    """The plug-in of a rule's name, short or versioned, with or without options; else None.

    Raises:
        UserError: a plug-in of that name that is broken.
    """
    base = rule.partition("+")[0]
    short = base.partition("/")[0]
    if short not in plugins.names("rule"):
        return None
    found = plugins.load("rule", short)
    return found if base in (found.name, found.full_name) else None


def metrics_of(benchmark: Benchmark, rule: str) -> Sequence[Metric]:
    """Those of a result that a rule judged: the benchmark's, or those of a rule for any."""
    family = family_of(rule)
    return benchmark.metrics if family is None else family.metrics


def taken(family: RulePlugin) -> list[str]:
    """The keys of the options that a rule takes."""
    return [*family.options, *([DEPTH_OPTION] if isinstance(family, GeometryPlugin) else [])]


def build(family: RulePlugin, benchmark: Benchmark, subset: str | None, options: Options) -> Rule:
    """A rule for a benchmark, whose prompts are those of a subset.

    Args:
        options: those given, by name; values may be numbers or text.

    Raises:
        UserError: a value that is not a number or out of range, a folder that is not there, or a
            metric of the benchmark's own name, whose columns would hold two different numbers.
    """
    keys = {metric.key for metric in family.metrics} - {FOUND}
    if shared := keys.intersection(metric.key for metric in benchmark.metrics):
        raise UserError(
            f"the rule {family.name} and {benchmark.name} both have a metric {min(shared)}, and "
            "they are not the same number: give the rule's another key, or judge another benchmark."
        )
    defaults = {key: option.default for key, option in family.options.items()}
    known = {**defaults, **{k: v for k, v in options.items() if k != DEPTH_OPTION}}
    for key, value in known.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise UserError(
                f"--rule option {key}={value} is not a number: give one, as in --rule "
                f"{family.name}:{key}={defaults[key]:g}."
            )
    rule: Rule = checked(
        family.build(benchmark, subset, known), Rule, f"what the rule {family.name} builds"
    )
    return with_depth(rule, options)


def reads_depth(rule: Rule) -> bool:
    """Whether it is one that takes a folder of depth maps."""
    return isinstance(rule, AnyBenchmarkRule)


def with_depth(rule: Rule, options: Options) -> Rule:
    """The rule with the folder of depth maps that is among the options, if it takes one.

    Raises:
        UserError: a folder that is not there, or holds no maps.
    """
    if DEPTH_OPTION not in options or not isinstance(rule, AnyBenchmarkRule):
        return rule
    return replace(rule, depth=given_folder(str(options[DEPTH_OPTION])))


def named(benchmark: Benchmark, subset: str | None, rule: str) -> Rule | None:
    """The rule a result names, such as ``esplora-r1/1+tau:2``; None for one of the benchmark's."""
    family = family_of(rule)
    if family is None:
        return None
    pairs = [part.partition(":") for part in rule.split("+")[1:]]
    options = {key: float(value) for key, _, value in pairs if key in family.options}
    return build(family, benchmark, subset, options)


def bound(rule: Rule, run: Path, prompts: Iterable[Prompt]) -> Rule:
    """The rule as a run needs it: with its depth maps, which its name then tells.

    A rule of a benchmark, and any rule for prompts without depth, is returned as it is.

    Raises:
        UserError: depth maps of several models.
    """
    if not isinstance(rule, AnyBenchmarkRule) or not any(map(in_depth, prompts)):
        return rule
    folder = rule.depth or folder_of_run(run, rule.name.split("/")[0])
    if folder is None:
        return rule
    return replace(rule, depth=folder, name=f"{rule.name}+{DEPTH_OPTION}:{folder.signature}")
