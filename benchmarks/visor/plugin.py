"""VISOR as a benchmark plug-in: what the harness asks of it, answered by the other modules."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from spatialbench.exchange.id_names import LAYOUT
from spatialbench.plugins import Benchmark, Evidence, Judged, Metric, Published, Rule
from spatialbench.plugins.layout import Layout
from spatialbench.plugins.subsets import prescribed_start
from spatialbench.prompts import Prompt
from spatialbench.runs.names import slug

from . import identities, metrics, prompts
from .rule import CentroidRule


class Visor(Benchmark):
    """Gokhale et al., "Benchmarking Spatial Relationships in Text-to-Image Generation" (2022)."""

    name = "visor"
    version = 1
    summary = "VISOR: 25,280 prompts with two COCO objects and left, right, above or below"
    subsets: Mapping[str, str] = prompts.SUBSETS
    default_subset = "relational"
    homepage = "https://github.com/microsoft/VISOR"
    images_per_prompt = 4
    detector = "owlvit"
    rules: Mapping[str, Rule] = {"official": CentroidRule()}
    metrics: Sequence[Metric] = metrics.METRICS
    layouts: Mapping[str, Layout] = {"visor": LAYOUT}

    def prompts(self, subset: str) -> Sequence[Prompt]:
        """The prompts of a subset, in official order. Raises UserError for an unknown subset."""
        return prompts.prompts(subset)

    def official_prompts(self, subset: str) -> bytes:
        """The subset as the official prompt file; ``all`` is that file byte for byte."""
        return prompts.official_json(subset)

    def seed(self, prompt: Prompt, index: int) -> int:
        """42 + k for every prompt.

        Our choice: the official repository states no seeds. The code of InfSplign draws all
        images of a prompt from one generator of seed 42, so that an image depends on the ones
        before it.
        """
        return 42 + index

    def labels(self, prompt: Prompt) -> Sequence[str]:
        """The prompt's object names, the first-named one first."""
        return prompt.objects

    def clusters(self, prompts: Sequence[Prompt]) -> Sequence[str]:
        """The unordered object pair: its eight relational prompts are not independent."""
        return [" + ".join(sorted(prompt.objects)) for prompt in prompts]

    def published(self) -> Sequence[Published]:
        """Published rows, with what is odd about them."""
        from .published import published

        return published()

    def violations(self, numbers: Mapping[str, float], rounding: float, whole: bool) -> list[str]:
        """Which identities a row of numbers breaks; see ``identities.violations``."""
        return identities.violations(numbers, rounding, whole)

    def official_reader(
        self, subset: str, images_per_prompt: int | None = None
    ) -> Callable[[Path], Judged]:
        """What reads the results file of ``visor.py``; see ``official.read_official``."""
        from . import official

        return official.read_official

    def official_results(
        self,
        images: Iterable[tuple[Prompt, int, Evidence]],
        subset: str,
        rule: Rule,
        threshold: float,
        method: str,
        detector: str | None = None,
        images_per_prompt: int | None = None,
    ) -> Mapping[str, bytes]:
        """The results file that ``visor.py`` reads, under the name it looks for.

        That name holds the detector: the prescribed one (None) as the official scripts write it,
        and any other by its signature.
        """
        from . import official

        start = prescribed_start(self, subset)
        own = detector is None or (start is not None and detector.startswith(start))
        word = self.detector if own else slug(str(detector))
        name = official.official_file_name(slug(method), word, threshold)
        boxes = ((prompt, index, seen.boxes) for prompt, index, seen in images)
        return {name: json.dumps(official.official_results(boxes, threshold)).encode()}


PLUGIN: Benchmark = Visor()
