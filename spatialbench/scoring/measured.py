"""A benchmark seen through a rule for any benchmark: its prompts and clusters, the rule's numbers.

Numbers of such a rule have columns of their own (``R1_strict``, ``PSE``), so that none of them can
stand in a column of the benchmark's rule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import nan
from pathlib import Path
from typing import Any, cast

import numpy as np

from ..plugins import Benchmark, Rule, RulePlugin, ScoreTable
from ..prompts import Prompt
from ..statistics.ratios import FloatArray, MeanOfRatios, Ratio
from .rules.any_benchmark import AnyBenchmarkRule, unjudged
from .rules.catalogue import bound, family_of, named

FOUND = "OA"
"""Percent of the judged images in which every asked object was found."""


def measured_by(
    benchmark: Benchmark, rule: str, subset: str | None = None, run: Path | None = None
) -> Benchmark:
    """The benchmark whose metrics and columns are those of the rule that a result names.

    Args:
        rule: its versioned name; for a rule of the benchmark's own the benchmark is returned.
        subset: of the result.
        run: the result's run directory, where its depth maps lie.
    """
    family, made = family_of(rule), named(benchmark, subset, rule)
    if family is None or made is None:
        return benchmark
    if run is not None:
        chosen = subset or benchmark.default_subset
        made = bound(made, run, benchmark.prompts(chosen))
    return cast(Benchmark, _Measured(benchmark, family, rule, made))


class _Measured:
    """What changes; every other attribute is the benchmark's."""

    def __init__(self, benchmark: Benchmark, family: RulePlugin, name: str, rule: Rule) -> None:
        self._benchmark = benchmark
        self._family = family
        self._judges_relations = isinstance(rule, AnyBenchmarkRule)
        # Depth maps of another folder than the run's own are known by name only.
        own = {name: rule} if rule.name == name else {}
        self.rules: Mapping[str, Rule] = {**benchmark.rules, **own}
        self.headline: Sequence[str] = (FOUND, *_keys(family))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._benchmark, name)

    def metrics(self, table: ScoreTable) -> Mapping[str, float]:
        """The rule's metrics in percent; NaN without a judged image."""
        return {key: 100 * _quotient(ratio.parts[0]) for key, ratio in self.ratios(table).items()}

    def ratios(self, table: ScoreTable) -> Mapping[str, MeanOfRatios]:
        """OA; each share over all judged images; and, as ``_cond``, over those with OA."""
        judged, found = _sums(table, "judged"), _sums(table, "found_all")
        ratios = {FOUND: Ratio(found, judged)}
        for word, fact in self._family.shares.items():
            hits, key = _sums(table, fact), _key(self._family, word)
            ratios |= {key: Ratio(hits, judged), f"{key}_cond": Ratio(hits, found)}
        return {key: MeanOfRatios((ratio,)) for key, ratio in ratios.items()}

    def notes(self, prompts: Sequence[Prompt], rule: str, detector: str) -> list[str]:
        """What the rule's plug-in remarks, and how many prompts it leaves out."""
        notes = [f"{rule} {self._family.remark}."] if self._family.remark else []
        out = 0
        if self._judges_relations:
            out = sum(unjudged(prompt) is not None for prompt in prompts)
        if out:
            notes.append(
                f"{out:,} of {len(prompts):,} prompts ask for nothing that {rule} judges (left, "
                "right, above, below, in front of, behind): their images are left out."
            )
        return notes

    def undefined(self, table: ScoreTable) -> Mapping[str, str]:
        """Why a metric is undefined: no judged image, or none with every object."""
        if not _sums(table, "judged").any():
            return dict.fromkeys(self.headline, "the rule judges no image of these prompts")
        if _sums(table, "found_all").any():
            return {}
        keys = [key for key in self.headline if key.endswith("_cond")]
        return dict.fromkeys(keys, "no image shows every asked object")

    def breakdowns(self, table: ScoreTable) -> Mapping[str, Any]:
        """None: a benchmark's breakdowns are of its own scores."""
        return {}


def _key(family: RulePlugin, word: str) -> str:
    return f"{family.prefix}_{word}" if word else family.prefix


def _keys(family: RulePlugin) -> list[str]:
    keys = [_key(family, word) for word in family.shares]
    return [name for key in keys for name in (key, f"{key}_cond")]


def _sums(table: ScoreTable, fact: str) -> FloatArray:
    """Sums of a fact over each prompt's judged images; float64 of shape (prompts,)."""
    judged = _column(table, "judged")
    sums = np.bincount(table.prompt_row, _column(table, fact) * judged, len(table.prompts))
    return sums.astype(np.float64, copy=False)


def _column(table: ScoreTable, fact: str) -> FloatArray:
    """A fact of each image; that it is judged and that all is found holds where nobody says."""
    if fact not in table.columns and fact in ("judged", "found_all"):
        return np.ones(len(table.prompt_row))
    return np.asarray(table.columns[fact], dtype=np.float64)


def _quotient(ratio: Ratio) -> float:
    denominator = float(ratio.denominator.sum())
    return float(ratio.numerator.sum()) / denominator if denominator else nan
