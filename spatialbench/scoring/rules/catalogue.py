"""The rules for any benchmark by name: ``esplora-r1``, ``esplora-r2``, ``pse``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

from ...errors import UserError
from ...plugins import Benchmark, Rule
from ...plugins.subsets import default_rule
from ...prompts import Prompt
from .any_benchmark import AnyBenchmarkRule, in_depth, meaning_of
from .constraint_rule import ConstraintRule
from .constraints import DEPTH_MARGIN, FORMS, TAU, Constraint, Form
from .depth_maps import folder_of_run, given_folder
from .superiority_rule import SuperiorityRule

Options = Mapping[str, Any]

RECONSTRUCTION = (
    "is our reconstruction of a rule whose code and equations are not public: compare it only with "
    "itself"
)


@dataclass(frozen=True, slots=True)
class Family:
    """One rule with its options at their defaults.

    Attributes:
        name: short name; the full one adds the version.
        summary: what it is, in a line.
        options: defaults by name; ``depth`` (a folder) goes with all.
        prefix: of its metric keys.
        shares: facts that become metrics, by the word after the prefix.
        build: the rule from name, threshold, meaning of labels and options.
    """

    name: str
    summary: str
    options: Options
    prefix: str
    shares: Mapping[str, str]
    build: Callable[..., AnyBenchmarkRule]
    version: int = 1

    @property
    def full_name(self) -> str:
        """``esplora-r1/1``."""
        return f"{self.name}/{self.version}"


def _constraint_family(form: Form) -> Family:
    def build(name: str, threshold: float, meaning: Any, options: Options) -> AnyBenchmarkRule:
        constraint = Constraint(form, float(options["tau"]), float(options["margin"])).checked()
        return ConstraintRule(name, threshold, meaning, constraint=constraint)

    return Family(
        f"esplora-{form}",
        f"ESPLoRA's constraints (reconstruction), {FORMS[form]}",
        {"tau": TAU, "margin": DEPTH_MARGIN},
        form.upper(),
        {"soft": "soft", "strict": "strict"},
        build,
    )


def _superiority(name: str, threshold: float, meaning: Any, options: Options) -> AnyBenchmarkRule:
    return SuperiorityRule(name, threshold, meaning)


FAMILIES: Mapping[str, Family] = {
    family.name: family
    for family in (
        *(_constraint_family(form) for form in get_args(Form)),
        Family(
            "pse",
            "probability that a pixel of A is on the asked side of one of B (reconstruction)",
            {},
            "PSE",
            {"": "pse"},
            _superiority,
        ),
    )
}
"""By short name."""

DEPTH_OPTION = "depth"


def names() -> list[str]:
    """Every name the rules answer to: short and versioned."""
    return [*FAMILIES, *(family.full_name for family in FAMILIES.values())]


def family_of(rule: str) -> Family | None:
    """The family of a rule's name, short or versioned, with or without options; else None."""
    base = rule.partition("+")[0]
    found = FAMILIES.get(base.partition("/")[0])
    return found if found is not None and base in (found.name, found.full_name) else None


def build(
    family: Family, benchmark: Benchmark, subset: str | None, options: Options
) -> AnyBenchmarkRule:
    """A rule for a benchmark, with the threshold of the subset's own rule.

    Args:
        options: those given, by name; values may be numbers or text.

    Raises:
        UserError: a value that is no number or out of range, or a folder that is not there.
    """
    known = {**family.options, **{k: v for k, v in options.items() if k != DEPTH_OPTION}}
    for key, value in known.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise UserError(
                f"--rule option {key}={value} is no number: give one, as in --rule "
                f"{family.name}:{key}={family.options[key]:g}."
            )
    changed = [
        f"+{key}:{float(value):g}"
        for key, value in sorted(known.items())
        if value != family.options[key]
    ]
    threshold = default_rule(benchmark, subset).threshold
    rule = family.build(
        "".join([family.full_name, *changed]), threshold, meaning_of(benchmark), known
    )
    if DEPTH_OPTION not in options:
        return rule
    folder = given_folder(str(options[DEPTH_OPTION]))
    return replace(rule, depth=folder)


def named(benchmark: Benchmark, subset: str | None, rule: str) -> AnyBenchmarkRule | None:
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
    folder = rule.depth or folder_of_run(run)
    if folder is None:
        return rule
    return replace(rule, depth=folder, name=f"{rule.name}+{DEPTH_OPTION}:{folder.signature}")
