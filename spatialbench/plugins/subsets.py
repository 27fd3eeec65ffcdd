"""What a benchmark prescribes for one of its prompt subsets, where its subsets differ.

Most benchmarks have one rule and one detector. One whose subsets need others says so by two
optional mappings: ``subset_rules`` (subset to short rule name) and ``subset_detectors`` (subset to
detector name).
"""

from __future__ import annotations

from typing import Literal

from .. import plugins
from ..errors import UserError
from . import Benchmark, Rule


def default_rule(benchmark: Benchmark, subset: str | None = None) -> Rule:
    """The rule of a subset (None: the default subset), else the first of the benchmark's rules.

    One with several thresholds has that of the subset; see ``scoring.judging``.
    """
    subset = subset or benchmark.default_subset
    name = benchmark.subset_rules.get(subset)
    rule = benchmark.rules[name] if name else next(iter(benchmark.rules.values()))
    # Prompts may have to be read from files, and most rules judge all prompts alike.
    if type(rule).for_prompts is Rule.for_prompts:
        return rule
    return rule.for_prompts(benchmark.prompts(subset), None)


def default_detector(benchmark: Benchmark, subset: str | None = None) -> str:
    """The name of a subset's own detector, else that of the benchmark."""
    by_subset = benchmark.subset_detectors
    return by_subset.get(subset or benchmark.default_subset, benchmark.detector)


def prescribed_start(benchmark: Benchmark, subset: str | None = None) -> str | None:
    """How the signature of the detector that a subset prescribes begins.

    None where it cannot be told; see ``start_of``.
    """
    return start_of("detector", default_detector(benchmark, subset))


def start_of(kind: Literal["detector", "judge"], name: str | None) -> str | None:
    """How the signature of a plug-in's own model begins.

    None where it cannot be told: the plug-in is not installed, or names its model by a hash that is
    not known without the weights.
    """
    if name is None:
        return None
    try:
        plugin = plugins.load(kind, name)
        return plugin.signature_start or plugin.configure(None, "cpu", True).signature()
    except UserError:
        return None


RENAMED = "+synonyms-"
"""What the signature of a detector holds that was asked for synonyms of some names."""


def is_own(signature: str, start: str | None) -> bool:
    """Whether a signature is that of a prescribed model, which begins with ``start``.

    One that was asked for synonyms is another.
    """
    return start is not None and signature.startswith(start) and RENAMED not in signature


def stands_in_for(benchmark: Benchmark, subset: str | None, signature: str) -> str | None:
    """The detector a subset prescribes, where ``signature`` is another's; None where it is its own.

    Also None where it cannot be told; see ``prescribed_start``.
    """
    start = prescribed_start(benchmark, subset)
    if start is None or is_own(signature, start):
        return None
    return default_detector(benchmark, subset)
