"""Rules for any benchmark: plug-ins that build a rule for the benchmark it is asked for."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .method import Parameter
from .metric import Metric, ScoreTable
from .plugin import Plugin
from .rule import Rule

if TYPE_CHECKING:
    from ..prompts import Prompt
    from ..statistics.ratios import FloatArray, MeanOfRatios
    from .benchmark import Benchmark


class RulePlugin(Plugin):
    """What an entry point of ``spatialbench.rules`` names."""

    version: int = 1
    """Raised whenever an image would be judged otherwise."""
    judges: str = "any benchmark"
    """Whose prompts it judges, for lists."""
    options: Mapping[str, Parameter] = {}
    """The numbers that ``--rule NAME:KEY=VALUE`` sets, with their defaults."""
    metrics: Sequence[Metric]
    """Of the results that it judged; their keys may not be those of a benchmark. See ``shares``."""
    marks: Sequence[str] = ()
    """What its results are marked with in every table, of ``spatialbench.reports.marks``."""
    remark: str = ""
    """What stands under its tables, after the rule's name; such as that it is a reconstruction."""

    @property
    def full_name(self) -> str:
        """``esplora-r1/1``."""
        return f"{self.name}/{self.version}"

    def name_with(self, options: Mapping[str, Any]) -> str:
        """The name of the rule with these options, which tells those that are not the default."""
        changed = [
            f"+{key}:{float(options[key]):g}"
            for key, option in sorted(self.options.items())
            if options.get(key, option.default) != option.default
        ]
        return "".join([self.full_name, *changed])

    def notes(self, prompts: Sequence[Prompt], rule: str) -> Sequence[str]:
        """Sentences under its tables; by default the remark. ``rule`` is its name with options."""
        return [f"{rule} {self.remark}."] if self.remark else []

    @abstractmethod
    def build(self, benchmark: Benchmark, subset: str | None, options: Mapping[str, float]) -> Rule:
        """The rule for a benchmark's prompts, under the name that ``name_with`` gives.

        Args:
            benchmark: whose prompts are judged; its ``stands_for`` tells which labels count.
            subset: None for the benchmark's default.
            options: a value for each of ``options``.

        Raises:
            UserError: a value out of range.
        """


FOUND = "OA"
"""Percent of the judged images in which every asked object was found."""


def shares(prefix: str, facts: Mapping[str, str], *, partial: bool = False) -> tuple[Metric, ...]:
    """OA, and each fact over all judged images and, as ``_cond``, over those with OA.

    An image is judged where the fact ``judged`` is true, and has OA where ``found_all`` is; either
    counts as true where the rule's verdicts have no fact of that name.

    Args:
        prefix: what the keys begin with.
        facts: by the word after the prefix; the empty word for the prefix alone.
        partial: whether a fact may hold in an image without every object, as of a prompt with
            several relations; what it holds there is then no part of ``_cond``.
    """
    metrics = [_share(FOUND, "images that show every asked object", "found_all", "judged")]
    for word, fact in facts.items():
        key = f"{prefix}_{word}" if word else prefix
        metrics += [
            _share(key, f"mean of {fact} over the judged images", fact, "judged"),
            _share(
                f"{key}_cond",
                f"the same of {fact}, over those with every object",
                fact,
                "found_all",
                within=partial,
            ),
        ]
    return tuple(metrics)


def _share(key: str, help: str, fact: str, of: str, *, within: bool = False) -> Metric:
    def ratio(table: ScoreTable) -> MeanOfRatios:
        from ..statistics.ratios import MeanOfRatios, Ratio

        counted = (fact, of) if within else (fact,)
        return MeanOfRatios((Ratio(_judged(table, *counted), _judged(table, of)),))

    def exact(table: ScoreTable) -> float:
        return 100 * table.once(ratio).parts[0].times(1)

    def undefined(table: ScoreTable) -> str | None:
        if not _judged(table, "judged").any():
            return "the rule judges no image of these prompts"
        if not _judged(table, of).any():
            return "no image shows every asked object"
        return None

    return Metric(key, help, ratio, exact=exact, undefined=undefined)


def _judged(table: ScoreTable, *facts: str) -> FloatArray:
    """Sums of a product of facts over each prompt's judged images; float64, (prompts,)."""
    assumed = {"judged", "found_all"} - table.columns.keys()
    names = dict.fromkeys((*facts, "judged"))
    return table.sums(*(name for name in names if name not in assumed))
