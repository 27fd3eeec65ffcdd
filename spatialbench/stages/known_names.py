"""Which object names a detector knows, and what to do where it does not know all that are asked.

A detector says it by its ``requirements``: a name that adds something missing is unknown to it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from ..plugins import Benchmark, Detector
from ..plugins.requirements import Requirement
from ..prompts import Prompt
from ..runs.selection import Selection
from ..scoring.label_names import some
from .synonyms import WithSynonyms, others

_SHOWN = 3


def unknown_names(detector: Detector, names: Collection[str]) -> list[str]:
    """Those of these names that it has no class or word for, sorted; loads no model.

    Of a detector whose weights are not here and which cannot tell without them: none.
    """
    missing = _missing(detector, names)
    if not missing or missing <= (without := _missing(detector, ())):
        return []
    return [name for name in sorted(names) if not _missing(detector, [name]) <= without]


def known_names(detector: Detector, names: Collection[str]) -> dict[str, str]:
    """The others, sorted, with what it calls each; see ``Selection.known_names``."""
    unknown = set(unknown_names(detector, names))
    renamed = detector.renamed if isinstance(detector, WithSynonyms) else {}
    return {name: renamed.get(name, name) for name in sorted(set(names) - unknown)}


def fetch_to_tell(detector: Detector) -> None:
    """Get the weights where they are missing and can be had: some tell no name without them."""
    needed = [one for one in detector.requirements(()) if one.missing]
    if needed and all(one.fetchable for one in needed):
        detector.download()


def with_synonyms(detector: Detector, names: Collection[str]) -> Detector:
    """The detector, asked for another name of what it does not know by these; itself for none."""
    renamed = {}
    for name in unknown_names(detector, names):
        candidates = others(name)
        unknown = unknown_names(detector, candidates)
        other = next((one for one in candidates if one not in unknown), None)
        if other is not None:
            renamed[name] = other
    return WithSynonyms(detector, renamed) if renamed else detector


def asked_names(benchmark: Benchmark, subset: str) -> list[str]:
    """Every name that the prompts of a subset ask a detector for."""
    return sorted({name for p in benchmark.prompts(subset) for name in benchmark.labels(p)})


def names_requirement(
    detector: Detector, prompts: Sequence[Prompt], asked: Callable[[Prompt], Sequence[str]]
) -> Requirement | None:
    """What is missing where it does not know the names of some prompts; None where it knows all.

    Also None where it knows the names of no prompt: then it says itself what is wrong.
    """
    names = sorted({name for prompt in prompts for name in asked(prompt)})
    unknown = unknown_names(detector, names)
    renamed = detector.renamed if isinstance(detector, WithSynonyms) else {}
    known = {name: renamed.get(name, name) for name in names if name not in unknown}
    selection = Selection(known_names=known)
    sound = [prompt for prompt in prompts if selection.knows(asked(prompt))]
    if not sound or len(sound) == len(prompts):
        return None
    if unknown:
        lacks = f"{len(unknown):,} of the {len(names):,} names that are asked for ({some(unknown)})"
    else:
        lacks = "two classes for two names of one prompt"
    helped = with_synonyms(detector, names) if unknown else detector
    way = ""
    if helped is not detector and isinstance(helped, WithSynonyms):
        pairs = [f"{name} as {other}" for name, other in helped.renamed.items()]
        more = ", ..." if len(pairs) > _SHOWN else ""
        way = (
            f"--synonyms looks for {len(pairs):,} of them by another name "
            f"({', '.join(pairs[:_SHOWN])}{more}); "
        )
    return Requirement(
        "prompts whose names it knows",
        f"{detector.signature()} does not know {lacks}, so that {len(prompts) - len(sound):,} of "
        f"the {len(prompts):,} prompts could never be right. Add --known-names-only for a table of "
        f"the other {len(sound):,}, which is marked; {way}or give a --detector that takes any "
        "name.",
    )


def _missing(detector: Detector, names: Collection[str]) -> set[str]:
    return {one.missing for one in detector.requirements(names) if one.missing}
