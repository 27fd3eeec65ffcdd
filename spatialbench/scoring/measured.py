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

from ..plugins import Benchmark, Rule, ScoreTable
from ..prompts import Prompt
from ..statistics.ratios import FloatArray, MeanOfRatios, Ratio
from .rules.any_benchmark import AnyBenchmarkRule, unjudged
from .rules.catalogue import RECONSTRUCTION, Family, bound, family_of, named

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
        made = cast(AnyBenchmarkRule, bound(made, run, benchmark.prompts(chosen)))
    return cast(Benchmark, _Measured(benchmark, family, rule, made))


class _Measured:
    """What changes; every other attribute is the benchmark's."""

    def __init__(
        self, benchmark: Benchmark, family: Family, name: str, rule: AnyBenchmarkRule
    ) -> None:
        self._benchmark = benchmark
        self._family = family
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
        """That the rule is a reconstruction, and how many prompts it leaves out."""
        out = sum(unjudged(prompt) is not None for prompt in prompts)
        notes = [f"{rule} {RECONSTRUCTION}."]
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


def _key(family: Family, word: str) -> str:
    return f"{family.prefix}_{word}" if word else family.prefix


def _keys(family: Family) -> list[str]:
    keys = [_key(family, word) for word in family.shares]
    return [name for key in keys for name in (key, f"{key}_cond")]


def _sums(table: ScoreTable, fact: str) -> FloatArray:
    """Sums of a fact over each prompt's judged images; float64 of shape (prompts,)."""
    judged = np.asarray(table.columns["judged"], dtype=np.float64)
    values = np.asarray(table.columns[fact], dtype=np.float64) * judged
    sums = np.bincount(table.prompt_row, values, len(table.prompts))
    return sums.astype(np.float64, copy=False)


def _quotient(ratio: Ratio) -> float:
    denominator = float(ratio.denominator.sum())
    return float(ratio.numerator.sum()) / denominator if denominator else nan
