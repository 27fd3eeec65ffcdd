"""A benchmark: one coloured square on a named side of another, 48 prompts, two images each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from spatialbench.detections import Detections
from spatialbench.plugins import Benchmark, Layout, Metric, Published, Rule, Verdict, share
from spatialbench.prompts import Prompt, Triplet
from spatialbench.relations import Relation

from . import COLOURS
from .asked_rule import AskedRule
from .layout import LAYOUT

_SIDES = (Relation.LEFT, Relation.RIGHT, Relation.ABOVE, Relation.BELOW)


def _prompts() -> list[Prompt]:
    made: list[Prompt] = []
    for a in COLOURS:
        for b in COLOURS:
            for relation in _SIDES if a != b else ():
                text = f"a {a} {relation.adverb} a {b}"
                triplet = Triplet(a, relation, b)
                made.append(Prompt(str(len(made)), text, relation.value, triplet, (a, b)))
    return made


class CentreRule(Rule):
    name = "squares-centre/1"
    threshold = 0.5

    def judge(self, prompt: Prompt, detections: Detections, threshold: float) -> Verdict:
        triplet = prompt.triplet
        assert triplet is not None
        kept = detections.above(threshold)
        centres = dict(zip(kept.labels, (kept.boxes[:, :2] + kept.boxes[:, 2:]) / 2, strict=True))
        both = triplet.subject in centres and triplet.object in centres
        correct = False
        if both:
            axis = 0 if triplet.relation.axis == "x" else 1
            gap = float(centres[triplet.subject][axis] - centres[triplet.object][axis])
            before = triplet.relation in (Relation.LEFT, Relation.ABOVE)
            correct = gap < 0 if before else gap > 0
        said = "right" if correct else "wrong side" if both else "a square is missing"
        return Verdict(correct, float(correct), f"expected {prompt.text}; {said}", {"both": both})


class Squares(Benchmark):
    name = "squares"
    version = 1
    summary = "48 prompts with two coloured squares"
    subsets: Mapping[str, str] = {"all": "48 prompts", "sideways": "the 24 with left and right"}
    default_subset = "all"
    images_per_prompt = 2
    detector = "colour-blobs"
    rules: Mapping[str, Rule] = {"centre": CentreRule(), "asked": AskedRule()}
    metrics: Sequence[Metric] = (
        share("FOUND", "images with both squares", "both"),
        share("RIGHT", "images with both on the asked sides", "correct"),
    )
    layouts: Mapping[str, Layout] = {"squares": LAYOUT}

    def prompts(self, subset: str) -> Sequence[Prompt]:
        return [p for p in _prompts() if subset == "all" or p.task in ("left", "right")]

    def official_prompts(self, subset: str) -> bytes:
        return "\n".join(prompt.text for prompt in self.prompts(subset)).encode()

    def seed(self, prompt: Prompt, index: int) -> int:
        return 7 + index

    def labels(self, prompt: Prompt) -> Sequence[str]:
        return prompt.objects

    def clusters(self, prompts: Sequence[Prompt]) -> Sequence[str]:
        return [" + ".join(sorted(prompt.objects)) for prompt in prompts]

    def published(self) -> Sequence[Published]:
        return [Published("a coin", "none", {"FOUND": 100.0, "RIGHT": 50.0}, "by thought", "D")]


PLUGIN = Squares()
