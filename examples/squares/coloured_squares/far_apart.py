"""A rule for any benchmark: are the two objects far enough apart, whatever their relation?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import dist

from spatialbench.detections import Detections
from spatialbench.errors import UserError
from spatialbench.plugins import Benchmark, Metric, Parameter, Rule, RulePlugin, Verdict
from spatialbench.plugins.rule_plugin import shares
from spatialbench.plugins.subsets import default_rule
from spatialbench.prompts import Prompt


@dataclass(frozen=True)
class FarApart(Rule):
    name: str
    threshold: float
    gap: float
    benchmark: Benchmark

    def judge(self, prompt: Prompt, detections: Detections, threshold: float) -> Verdict:
        if len(prompt.objects) != 2:
            facts = {"judged": False, "found_all": False, "apart": False}
            return Verdict(False, 0.0, "not judged: not two objects", facts)
        kept = detections.above(threshold)
        centres = []
        for name in prompt.objects:
            for box, label in zip(kept.boxes.tolist(), kept.labels, strict=True):
                if self.benchmark.stands_for(prompt, label, name):
                    centres.append(((box[0] + box[2]) / 2, (box[1] + box[3]) / 2))
                    break
        share = 0.0
        if len(centres) == 2:
            share = dist(*centres) / dist((0, 0), (kept.width, kept.height))
        apart = share >= self.gap
        reason = f"{share:.2f} of the diagonal apart, {self.gap:g} wanted"
        facts = {"judged": True, "found_all": len(centres) == 2, "apart": apart}
        return Verdict(apart, share, reason, facts)


class FarApartPlugin(RulePlugin):
    name = "far-apart"
    summary = "whether the objects' centres are some share of the diagonal apart"
    options: Mapping[str, Parameter] = {"gap": Parameter(0.2, "share of the image's diagonal")}
    metrics: Sequence[Metric] = shares("FAR", {"": "apart"})

    def build(
        self, benchmark: Benchmark, subset: str | None, options: Mapping[str, float]
    ) -> FarApart:
        if not 0 < options["gap"] < 1:
            raise UserError(f"gap={options['gap']:g} is out of range: give a share of 1.")
        threshold = default_rule(benchmark, subset).threshold
        return FarApart(self.name_with(options), threshold, options["gap"], benchmark)


PLUGIN = FarApartPlugin()
