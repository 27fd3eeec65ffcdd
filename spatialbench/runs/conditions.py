"""What two numbers must share before one can be called better: all of a measurement but the method.

A run says its conditions in its signature. What papers print was measured under the conditions that
the benchmark prescribes: every prompt of the subset, its own number of images and seeds, the
prompts as they stand, its own rule, detector and threshold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from ..plugins import Benchmark
from ..plugins.evidence import ANSWERS, FOUND_WITH_BOXES, SIMILARITY
from ..plugins.subsets import (
    RENAMED,
    default_detector,
    default_rule,
    prescribed_start,
    start_of,
)
from ..prompt_transforms import is_given
from .signature import Signature

_TRANSFORM, _ELSEWHERE = "prompt_transform", "rewritten_prompts"
"""Parameters of a signature: what rewrote the prompts here, and how many others rewrote before."""
_CONTENT = "content"
"""Of imported images: their hash."""
_UNCHANGED = "none"
_ALL_NAMES = "all"

_NAMES = {
    "subset": "prompt set",
    "images_per_prompt": "images per prompt",
    "rewriting": "prompt rewriting",
    "names": "known names",
}
"""What a condition is called in a sentence, where not by its own name."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One condition in which two measurements differ, as text: its name and both values."""

    name: str
    own: str
    other: str

    def __str__(self) -> str:
        return f"{self.name} {self.own} (others {self.other})"


@dataclass(frozen=True, slots=True)
class Conditions:
    """The conditions of a measurement.

    Attributes:
        benchmark: with its version, ``visor/1``.
        subset: prompt subset; None for the benchmark's default.
        only: names the prompts were filtered by; empty for all.
        names: which names the detector knows, where only prompts with those were taken; else
            ``all``.
        prompts: how many prompts are expected.
        images_per_prompt: how many images of each.
        seeds: seed scheme; ``unknown`` where nobody recorded any.
        rewriting: what rewrote the prompts, ``none`` where nothing did.
        rule: with its version and options.
        detector: what looked at the images.
        threshold: score a box had to exceed.
    """

    benchmark: str
    subset: str | None
    only: tuple[str, ...]
    names: str
    prompts: int
    images_per_prompt: int
    seeds: str
    rewriting: str
    rule: str
    detector: str
    threshold: float

    @classmethod
    def of(cls, signature: Signature) -> Conditions:
        """The conditions that a signature tells."""
        return cls(
            signature.benchmark,
            signature.subset,
            signature.only,
            signature.names or _ALL_NAMES,
            signature.prompts,
            signature.images_per_prompt,
            signature.seeds or "unknown",
            _rewriting(signature),
            signature.rule,
            signature.detector,
            signature.threshold,
        )

    @classmethod
    def prescribed(cls, benchmark: Benchmark, signature: Signature) -> Conditions:
        """The conditions under which the subset of a signature is measured for publication.

        What looked, a detector and judges as far as the rule needs them, is the signature's own
        where that is what is prescribed, in whichever revision; where it is another or cannot be
        told, it is the names of what is prescribed.

        Raises:
            UserError: a subset that the benchmark does not have, or whose prompts are not here.
        """
        subset = signature.subset or benchmark.default_subset
        rule = default_rule(benchmark, subset)
        models: list[tuple[str, str | None]] = []
        if not {*rule.needs}.isdisjoint(FOUND_WITH_BOXES):
            models = [(default_detector(benchmark, subset), prescribed_start(benchmark, subset))]
        for kind, judge in ((ANSWERS, benchmark.judge), (SIMILARITY, benchmark.similarity_judge)):
            if kind in rule.needs:
                models.append((judge or "any judge", start_of("judge", judge)))
        # The first model begins the line, and every other follows a plus sign.
        own = RENAMED not in signature.detector and all(
            start is not None and f"+{start}" in f"+{signature.detector}" for _, start in models
        )
        return cls(
            f"{benchmark.name}/{benchmark.version}",
            signature.subset,
            (),
            _ALL_NAMES,
            len(benchmark.prompts(subset)),
            benchmark.images_per_prompt,
            "protocol",
            _UNCHANGED,
            rule.name,
            signature.detector if own else "+".join(name for name, _ in models),
            rule.threshold,
        )

    @property
    def plain(self) -> bool:
        """Whether the prompts are the benchmark's own."""
        return self.rewriting == _UNCHANGED

    def differences(self, reference: Conditions) -> list[Difference]:
        """What differs from a reference, in the order of the attributes."""
        pairs = [
            (field.name, getattr(self, field.name), getattr(reference, field.name))
            for field in fields(self)
        ]
        return [
            Difference(_NAMES.get(name, name), _shown(name, own), _shown(name, other))
            for name, own, other in pairs
            if own != other
        ]


def _rewriting(signature: Signature) -> str:
    transform = signature.parameters.get(_TRANSFORM, _UNCHANGED)
    count = signature.parameters.get(_ELSEWHERE)
    if count is None or is_given(transform):
        return transform
    # Nobody knows the texts, so no other images are taken for ones that were made from them.
    images = signature.parameters.get(_CONTENT)
    return f"of {count} prompts by others" + (f" (images {images[:7]})" if images else "")


def prompts_rewritten(signature: Signature) -> bool:
    """Whether images were made from other texts than the benchmark's, as far as anybody said."""
    return _rewriting(signature) != _UNCHANGED


def told(differences: Sequence[Difference]) -> str:
    """``prompts 500 (others 25,280); seeds hashed (others protocol)``."""
    return "; ".join(map(str, differences))


def _shown(name: str, value: Any) -> str:
    if name == "subset":
        return "the default" if value is None else str(value)
    if name == "only":
        return ",".join(value) or "everything"
    if name == "threshold":
        return f"{value:g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
