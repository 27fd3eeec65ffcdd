"""T2I-CompBench as a benchmark plug-in: what the harness asks of it, answered by the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from spatialbench.files.downloads import RemoteFile
from spatialbench.plugins import Benchmark, Judged, Metric, Published, Rule, ScoreTable
from spatialbench.plugins.evidence import Evidence
from spatialbench.plugins.layout import Layout
from spatialbench.prompts import Prompt
from spatialbench.runs.files import write_if_other

from . import (
    attribute_rule,
    complex_rule,
    count_rule,
    depth_rule,
    metrics,
    non_spatial_rule,
    official,
    own_prompts,
    plane_rule,
    prompts,
    sources,
    three_in_one_files,
)
from .ceiling import best_answers, vocabulary
from .judging import ATTRIBUTES, BY_JUDGES, NON_SPATIAL, SPATIAL_PART, WHOLE
from .layout import LAYOUT
from .official_names import IMAGES_PER_PROMPT
from .own_file import STORED, OwnFile, read_own, stored
from .published import published
from .synonyms import means

UNIDET = "unidet-"
"""How the signature of every UniDet begins."""
UNNAMED = "external"
"""What stands for a detector in results from elsewhere."""


class T2ICompBench(Benchmark):
    """Huang et al., "T2I-CompBench" (2023), and T2I-CompBench++ (2025)."""

    name = "t2i-compbench"
    version = 1
    summary = "T2I-CompBench: 300 spatial prompts; 3D, numeracy, complex, attributes, non-spatial"
    subsets: Mapping[str, str] = prompts.SUBSETS
    default_subset = "2d"
    subset_names: Mapping[str, str] = prompts.NAMES
    results_folders = (WHOLE,)
    file_subsets = tuple(dict.fromkeys((*prompts.NAMES, *prompts.SUBSETS)))
    tables: Mapping[str, Mapping[str, str]] = {"all": prompts.TABLE}
    homepage = "https://github.com/Karine-Huang/T2I-CompBench"
    images_per_prompt = IMAGES_PER_PROMPT
    detector = "unidet"
    judge = "blip-vqa"
    similarity_judge = "clip-score"
    rules: Mapping[str, Rule] = {
        "2d-official": plane_rule.OFFICIAL,
        "2d-corrected": plane_rule.CORRECTED,
        "2d-infsplign": plane_rule.INFSPLIGN,
        "3d-official": depth_rule.OFFICIAL,
        "3d-corrected": depth_rule.CORRECTED,
        "numeracy-official": count_rule.OFFICIAL,
        "numeracy-corrected": count_rule.CORRECTED,
        "attribute-official": attribute_rule.OFFICIAL,
        "non-spatial-official": non_spatial_rule.OFFICIAL_RULE,
        "complex-official": complex_rule.OFFICIAL,
    }
    metrics: Sequence[Metric] = metrics.METRICS
    layouts: Mapping[str, Layout] = {"t2i-compbench": LAYOUT}
    subset_rules: Mapping[str, str] = {
        "3d": "3d-official",
        "numeracy": "numeracy-official",
        WHOLE: "complex-official",
        **dict.fromkeys(ATTRIBUTES, "attribute-official"),
        NON_SPATIAL: "non-spatial-official",
    }
    subset_detectors: Mapping[str, str] = {"3d": "unidet-r50", "numeracy": "unidet-r50"}
    files: Sequence[RemoteFile] = sources.FILES

    def __init__(self, own: OwnFile | None = None) -> None:
        """``own`` are prompts of a file in the place of the benchmark's."""
        self._own = own
        self._own_prompts = () if own is None else own.prompts()
        if own is not None:
            count = len(self._own_prompts)
            self.subsets = {own.name: f"{count:,} {own.category} prompts of a file"}
            plain, detector = type(self).subset_rules, type(self).subset_detectors
            self.subset_rules = {own.name: plain.get(own.category, next(iter(self.rules)))}
            self.subset_detectors = {own.name: detector.get(own.category, self.detector)}
            self.subset_names, self.tables, self.file_subsets = {}, {}, ()

    def of_subset_file(self, subset: str, path: Path) -> T2ICompBench:
        """With the prompts of a file; see ``own_file``. Raises UserError as ``read_own``."""
        return T2ICompBench(read_own(self.subset_names.get(subset, subset), path))

    def begin_run(self, run: Path) -> None:
        """Store prompts of a file in the run.

        Raises:
            UserError: the disk refuses.
        """
        if self._own is not None:
            write_if_other(run / STORED, self._own.content, run)

    def of_run(self, run: Path) -> T2ICompBench:
        """With the prompts that ``begin_run`` stored, if it did.

        Raises:
            UserError: they cannot be read.
        """
        path = run / STORED
        return T2ICompBench(stored(path, run)) if path.exists() else self

    def prompts(self, subset: str) -> Sequence[Prompt]:
        """The prompts of a category, in the order of its file.

        Raises:
            UserError: an unknown category, or a file that is not there.
        """
        return prompts.prompts(subset) if self._own is None else self._own_prompts

    def official_prompts(self, subset: str) -> bytes:
        """A category's official file, byte for byte."""
        if self._own is not None:
            return super().official_prompts(subset)
        return prompts.official_text(subset)

    def seed(self, prompt: Prompt, index: int) -> int:
        """42 + k for every prompt: 42 to 51, a new generator for each image."""
        return 42 + index

    def labels(self, prompt: Prompt) -> Sequence[str]:
        """The names the rule looks for; a detector with its own label strings ignores them."""
        if prompt.facts["category"] in ("numeracy", *BY_JUDGES):
            return prompt.objects
        return tuple(dict.fromkeys(prompt.facts["words"] or ()))

    @property
    def vocabulary(self) -> Sequence[str]:
        """Labels of UniDet, which answers them whatever is asked."""
        return vocabulary()

    def stands_for(self, prompt: Prompt, label: str, name: str) -> bool:
        """Whether a label means an object, by the word the corrected rules look up for it."""
        words = dict(zip(prompt.objects, prompt.facts.get("words") or (), strict=False))
        return name in words and means(label, words[name])

    def clusters(self, prompts: Sequence[Prompt]) -> Sequence[str]:
        """The objects of a prompt, in the order of the alphabet; without any the prompt itself."""
        return [" + ".join(sorted(prompt.objects)) or prompt.id for prompt in prompts]

    def published(self) -> Sequence[Published]:
        """Published rows, with what is odd about them."""
        return published()

    def breakdowns(self, table: ScoreTable) -> Mapping[str, Mapping[str, Any]]:
        """The mean answer of every set of objects, besides that of every relation."""
        if all(prompt.facts["category"] in (*BY_JUDGES, WHOLE) for prompt in table.prompts):
            return {}
        return {"objects": metrics.pairs(table, list(self.clusters(table.prompts)))}

    def notes(self, prompts: Sequence[Prompt], rule: str, detector: str = UNIDET) -> list[str]:
        """The structural ceiling of the prompts under the rule, with the labels of the detector.

        UniDet has labels of its own. Every other detector is asked for the words of the prompts and
        answers in them or not at all. Of a detector that nobody named nothing is known, and the
        ceiling is said to be UniDet's.
        """
        if self._own is not None:
            return self._own.notes
        chosen: Any = next((r for r in self.rules.values() if r.name == rule), None)
        if isinstance(chosen, plane_rule.PlaneRule) and (left := metrics.left_out(prompts)):
            return [
                f"{left:,} of {len(prompts):,} prompts are about attributes and actions: left out, "
                f"because {rule} judges relations."
            ]
        if chosen is None or not all(_has_ceiling(prompt) for prompt in prompts):
            return []
        # What made the depth maps stands behind it.
        looked = detector.partition("+")[0]
        unnamed = detector == UNNAMED
        own = unnamed or detector.startswith(UNIDET)
        answers = best_answers(chosen, prompts, not own)
        whose = "UniDet's labels" if own else f"the prompts' own words as {looked} is asked"
        whose += " (which detector looked is not known)" if unnamed else ""
        low = sum(answer < 0.5 for answer in answers)
        ceiling = 100 * sum(answers) / len(answers)
        return [
            f"ceiling of these prompts under {rule} with {whose}: {ceiling:.2f} "
            f"({low:,} of {len(answers):,} prompts cannot reach half marks)."
        ]

    def official_reader(
        self, subset: str, images_per_prompt: int | None = None
    ) -> Callable[[Path], Judged] | None:
        """What reads a ``vqa_result.json`` of a category; of complex a folder of its parts, too."""
        if self._own is not None:
            return None
        if subset == WHOLE:
            return lambda path: (
                three_in_one_files.read_parts(path, images_per_prompt)
                if path.is_dir()
                else official.read_official(path, subset, images_per_prompt)
            )
        return lambda path: official.read_official(path, subset, images_per_prompt)

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
        """The files that the category's official scorer leaves.

        Raises:
            UserError: as the rule; no image.
        """
        judged = [
            (prompt, index, rule.judge_evidence(prompt, seen, threshold))
            for prompt, index, seen in images
        ]
        count = images_per_prompt or self.images_per_prompt
        subset = subset if self._own is None else self._own.category
        contents = official.official_files(subset, judged, count)
        if subset == WHOLE and rule.name == complex_rule.OFFICIAL.name:
            attributes = [
                (prompt, k, replace(verdict, score=float(verdict.facts["attribute"])))
                for prompt, k, verdict in judged
            ]
            contents |= official.official_files(ATTRIBUTES[0], attributes, count)
        return {name: text.encode() for name, text in contents.items()}

    def prompt_of_record(self, record: Mapping[str, Any], subset: str | None) -> Prompt | None:
        """The prompt a detections record brings under ``prompt``; see ``own_prompts``."""
        category = subset or self.default_subset
        # Of a complex image, boxes alone judge the spatial part.
        return own_prompts.brought_prompt(record, SPATIAL_PART if category == WHOLE else category)


def _has_ceiling(prompt: Prompt) -> bool:
    """Of the benchmark's own prompts the words, and the labels they meet, are known."""
    category, _, line = prompt.id.partition("_")
    known = category in prompts.SUBSETS and category not in (*BY_JUDGES, WHOLE)
    return known and line.isdecimal()


PLUGIN: Benchmark = T2ICompBench()
