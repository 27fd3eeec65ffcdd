"""The benchmark plug-in ``complex``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache

from spatialbench.errors import UserError, unknown_name
from spatialbench.plugins import Benchmark, Metric, Rule
from spatialbench.plugins.rule_plugin import shares
from spatialbench.prompts import Prompt, Triplet, asked_triplets
from spatialbench.relations import PHRASES
from spatialbench.scoring.rules.all_relations_rule import OVER_ALL, AllRelationsRule
from spatialbench.scoring.rules.any_benchmark import unjudged

from ..t2i_compbench import sources
from ..t2i_compbench.template import parse_complex
from . import drawing

_OFFICIAL = "complex_val_spatial.txt"
_THRESHOLD = 0.1
"""Score a box must exceed, as in VISOR."""


class Complex(Benchmark):
    """Prompts of several relations, and how many of them an image keeps."""

    name = "complex"
    version = 1
    summary = "complex prompts: one and two relations, in the plane and in depth"
    subsets: Mapping[str, str] = {
        "urban-like": "580 of our own of a street, of one relation and two; needs depth maps",
        "urban-like-2d": "the 300 of them that ask for nothing in depth",
        "t2i": "the 58 spatial ones of T2I-CompBench's complex prompts: one relation, attributes",
        "lab": "200 of two relations of two objects of the lab's world",
    }
    default_subset = "urban-like"
    images_per_prompt = 4
    detector = "owlvit"
    rules: Mapping[str, Rule] = {"complex": AllRelationsRule("complex/1", _THRESHOLD)}
    metrics: Sequence[Metric] = tuple(
        replace(metric, headline=metric.key not in ("complex_soft_cond", "complex_alone_cond"))
        for metric in shares("complex", OVER_ALL, partial=True)
    )
    subset_marks: Mapping[str, Sequence[str]] = {
        "urban-like": ("reconstruction",),
        "urban-like-2d": ("reconstruction",),
    }

    def prompts(self, subset: str) -> Sequence[Prompt]:
        """All prompts of a subset.

        Raises:
            UserError: an unknown subset, or T2I-CompBench's file is not there.
        """
        if subset not in self.subsets:
            raise unknown_name("subset of complex", subset, self.subsets)
        return _t2i() if subset == "t2i" else _drawn(subset)

    def clusters(self, prompts: Sequence[Prompt]) -> Sequence[str]:
        """The objects of a prompt, in the order of the alphabet."""
        return [" + ".join(sorted(prompt.objects)) for prompt in prompts]

    def notes(self, prompts: Sequence[Prompt], rule: str, detector: str = "") -> list[str]:
        """How many prompts ask for a relation that no rule of geometry judges."""
        if out := sum(unjudged(prompt) is not None for prompt in prompts):
            return [
                f"{out:,} of {len(prompts):,} prompts ask for 'next to', of which {rule} says "
                "nothing: their images are left out."
            ]
        return []


@cache
def _drawn(subset: str) -> tuple[Prompt, ...]:
    if subset == "lab":
        return drawing.lab_prompts()
    street = drawing.street_prompts()
    if subset == "urban-like":
        return street
    return tuple(p for p in street if all(t.relation.axis != "depth" for t in asked_triplets(p)))


def _t2i() -> tuple[Prompt, ...]:
    made = []
    for number, text in enumerate(sources.lines(_OFFICIAL)):
        sentence = parse_complex(text)
        if sentence is None:
            raise UserError(
                f"line {number + 1} of {_OFFICIAL} ({text!r}) is none of its sentences: restore "
                "the file."
            )
        triplet = Triplet(sentence.first, PHRASES[sentence.phrase], sentence.second)
        names = (triplet.subject, triplet.object)
        made.append(Prompt(f"t2i_{number}", text, sentence.phrase, triplet, names))
    return tuple(made)


PLUGIN: Benchmark = Complex()
