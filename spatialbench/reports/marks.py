"""What a published row or a method says of itself that keeps it from being compared plainly."""

from __future__ import annotations

from ..errors import UserError
from ..plugins import load
from ..plugins.judge import UNKNOWN_WEIGHTS
from ..plugins.subsets import RENAMED
from ..runs.conditions import prompts_rewritten
from ..runs.signature import Signature
from ..scoring.rules.catalogue import family_of
from ..scoring.summary import Summary

MARKS = {
    "trained-on-the-metric": ("[t]", "trained on the benchmark's own metric"),
    "layout-conditioned": ("[l]", "a layout is handed to the model, not the prompt alone"),
    "inconsistent": ("[!]", "its cells contradict each other as printed"),
    "reconstruction": (
        "[r]",
        "our reconstruction of what its authors did not release, or not in this form; it competes "
        "like a row without a mark",
    ),
    "corrected": (
        "[c]",
        "its authors' method without defects of their code, so not what their published rows were "
        "made with; it competes like a row without a mark",
    ),
    "unpinned": (
        "[u]",
        "a function of its user's or a server, whose weights and code nobody has pinned: the same "
        "name need not give these images again; it competes like a row without a mark",
    ),
    UNKNOWN_WEIGHTS: (
        "[w]",
        "judged by a model whose weights nobody can tell, such as at a server: the same name need "
        "not give these answers again; it competes like a row without a mark",
    ),
    "chosen-by-its-judge": (
        "[j]",
        "what scores its images also chose them among several, which makes the values too good",
    ),
    "stopped": (
        "[i]",
        "stopped by its own interval: how many prompts there are was decided by how well a metric "
        "was known (--until); it competes like a row without a mark",
    ),
    "prompts-rewritten": (
        "[p]",
        "made from rewritten prompts and judged by the benchmark's own; it competes with rows of "
        "the same rewriting only",
    ),
    "known-names": (
        "[k]",
        "only the prompts whose every name its detector knows; it competes with rows of the same "
        "prompts only",
    ),
    "synonyms": (
        "[s]",
        "its detector was asked for synonyms of some names (docs/detectors.md); it competes with "
        "rows of the same synonyms only",
    ),
    "own-rule": (
        "[o]",
        "judged by a rule of this project, which is none of the benchmark's authors; it competes "
        "with rows of the same rule only",
    ),
}
"""Marks of published rows, methods, rules and judges: what stands in the table, what it means."""
_COMPETING = frozenset(
    {
        *("reconstruction", "corrected", "unpinned", "prompts-rewritten", "known-names", "stopped"),
        *("synonyms", "own-rule", UNKNOWN_WEIGHTS),
    }
)
"""Marks that do not keep a row from being the best."""


def competes(result: Summary) -> bool:
    """Whether a run may be the best of a column: whole, and by a method without a mark."""
    return not result.partial and _COMPETING.issuperset(method_marks(result))


def marked(result: Summary, name: str | None = None) -> str:
    """The method's name, or another, with what it says of itself: ``infsplign [c]``."""
    return " ".join([name or result.method, *(MARKS[mark][0] for mark in method_marks(result))])


def meanings(result: Summary) -> list[str]:
    """What those marks mean, a sentence each."""
    return [" ".join(MARKS[name]) for name in method_marks(result)]


def method_marks(result: Summary) -> tuple[str, ...]:
    """What method, judge, rule and detector of a run say of themselves, and of its prompts."""
    try:
        signature = Signature.parse(result.signature)
    except UserError:
        return ()
    rewritten = ("prompts-rewritten",) if prompts_rewritten(signature) else ()
    unknown = (UNKNOWN_WEIGHTS,) if f"@{UNKNOWN_WEIGHTS}" in signature.detector else ()
    judged = signature.parameters.get("chooser") in signature.detector.split("+")
    chosen = ("chosen-by-its-judge",) if judged else ()
    known = ("known-names",) if signature.names is not None else ()
    renamed = ("synonyms",) if RENAMED in signature.detector else ()
    own = (*_own_marks(signature), *unknown, *rewritten, *chosen)
    stopped = ("stopped",) if signature.until is not None else ()
    others = (*_subset_marks(signature), *_rule_marks(signature))
    return tuple(dict.fromkeys((*own, *stopped, *known, *renamed, *others)))


def _subset_marks(signature: Signature) -> tuple[str, ...]:
    """The marks of the prompts; none where the benchmark is not installed."""
    try:
        benchmark = load("benchmark", signature.benchmark.partition("/")[0])
    except UserError:
        return ()
    subset = signature.subset or benchmark.default_subset
    return tuple(mark for mark in benchmark.subset_marks.get(subset, ()) if mark in MARKS)


def _rule_marks(signature: Signature) -> tuple[str, ...]:
    """The marks of a rule for any benchmark; none where it is not installed."""
    try:
        family = family_of(signature.rule)
    except UserError:
        return ()
    return () if family is None else tuple(name for name in family.marks if name in MARKS)


def _own_marks(signature: Signature) -> tuple[str, ...]:
    """The ``marks`` of a method's identity, from the signature.

    For an identity without, such as an earlier version's, the installed method is asked.
    """
    try:
        if "marks" in signature.parameters:
            names = tuple(signature.parameters["marks"].split("+"))
        elif ":" in str(signature.method):
            # A place, which only a user may name: nothing in a run's files is imported.
            return ()
        else:
            plugin = load("method", str(signature.method).partition("/")[0])
            names = tuple(plugin.marks_of(signature.parameters))
    except UserError:
        return ()
    return tuple(name for name in names if name in MARKS)
